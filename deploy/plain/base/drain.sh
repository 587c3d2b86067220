# What Kubernetes runs before it stops the pod (preStop). Envoy becomes unready and closes each connection after its
# answer; this ends once load balancers have had time to notice and no request is left. A request that takes longer than
# the pod's terminationGracePeriodSeconds is cut off.
#
# bash, since Envoy's image has neither curl nor wget. Its distroless variant has no shell: there, preStop can only sleep.
set -eu

admin() { # METHOD PATH
  exec 3<> /dev/tcp/127.0.0.1/9901
  printf '%s %s HTTP/1.1\r\nhost: admin\r\ncontent-length: 0\r\nconnection: close\r\n\r\n' "$1" "$2" >&3
  cat <&3
  exec 3>&-
}

admin POST /healthcheck/fail
sleep 10
until admin GET '/stats?filter=http.gateway.downstream_rq_active' | grep -q 'downstream_rq_active: 0'; do
  sleep 1
done
