#!/bin/sh
# What the container runs:
#
#   arguments        becomes
#   check FILE...    the command rustformations, which checks configurations
#   envoy ARG...     Envoy, as it is: nothing is filled in
#   none, and no configuration: no INPUT_CONF, nothing in /etc/envoy
#                    Envoy with a demonstration of body-based routing on port 8080
#   anything else    envoyinit, which fills in the bootstrap and becomes Envoy with these arguments
#
# A pod of kgateway always has arguments, all of them options: without its configuration it fails, as it should.
#
# DISABLE_CORE_DUMPS=true: no core file is ever written. ENVOY_SIDECAR, not empty: Envoy with
# /etc/envoy/envoy-sidecar.yaml and the arguments.
set -eu

case "${DISABLE_CORE_DUMPS:-}" in
  1 | [Tt] | [Tt][Rr][Uu][Ee]) ulimit -c 0 ;;
esac

case "${1:-}" in
  check) exec /usr/local/bin/rustformations "$@" ;;
  envoy) shift && exec /usr/local/bin/envoy "$@" ;;
esac

if [ -n "${ENVOY_SIDECAR:-}" ]; then
  exec /usr/local/bin/envoy -c /etc/envoy/envoy-sidecar.yaml "$@"
fi

# Whoever mounts something there means it: a file of another name and a folder that cannot be read are errors.
configured() {
  [ -r /etc/envoy ] || return 0
  for file in /etc/envoy/*; do
    if [ -e "$file" ] || [ -L "$file" ]; then return 0; fi
  done
  return 1
}

if [ "$#" -eq 0 ] && [ -z "${INPUT_CONF:-}" ] && ! configured; then
  export INPUT_CONF=/usr/local/share/rustformations/demo.yaml
  echo "no configuration: a demonstration on port 8080, see $INPUT_CONF" >&2
fi
exec /usr/local/bin/envoyinit "$@"
