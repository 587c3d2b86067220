# Images with the module. Targets:
#
#   envoy-wrapper   Envoy, the module, envoyinit: in place of kgateway's image of that name (the default)
#   module          librust_module.so and nothing else, for image volumes and COPY --from
#   module-debug    its debug information, for crash reports
#   cli             the command rustformations
#
#   docker build --tag rustformations/envoy-wrapper .
#   docker buildx build --platform linux/amd64,linux/arm64 --tag rustformations/envoy-wrapper .
#
# Each base image can be another one: RUST_IMAGE with Rust, a C compiler, glibc 2.36 or earlier and a CA bundle;
# ENVOY_IMAGE with glibc 2.35 or later and /usr/local/bin/envoy; BUSYBOX_IMAGE with a static /bin/busybox.
# docs/image.md says more. `cargo xtask image` builds and tests it.
ARG RUST_IMAGE=rust:1.95.0-bookworm
ARG ENVOY_IMAGE=envoyproxy/envoy:distroless-v1.40.0
ARG BUSYBOX_IMAGE=busybox:1.37.0-musl

FROM ${BUSYBOX_IMAGE} AS busybox

# Manifests, and sources without content: what other crates are built from changes only when one of these does.
FROM ${RUST_IMAGE} AS manifests
WORKDIR /src
COPY . .
RUN find . -type f ! -name '*.rs' ! -name 'Cargo.*' ! -path './.cargo/*' -delete \
 && find . -name '*.rs' -exec sh -c 'for file; do echo "fn main() { }" > "$file"; done' sh {} + \
 && find . -type d -empty -delete

FROM ${RUST_IMAGE} AS build
WORKDIR /src
ENV CARGO_TARGET_DIR=/target CARGO_INCREMENTAL=0
# Each by itself: the command's parts of the engine, such as the schemas, do not belong into the module.
COPY --from=manifests /src .
RUN cargo build --release --locked --package rustformations --package envoyinit \
 && cargo build --profile command --locked --package rustformations-cli \
 && cargo build --locked --package check-module
# What the images are built from, and nothing else: a change to `tests` or to other tools builds nothing anew.
COPY transformations transformations
COPY acl acl
COPY bodies bodies
COPY diagnostics diagnostics
COPY json-blocks json-blocks
COPY envoy-sdk envoy-sdk
COPY rustformations rustformations
COPY envoyinit envoyinit
COPY cli cli
COPY cases cases
COPY tests/artifacts tests/artifacts
COPY reference reference
COPY tools/check-module tools/check-module
COPY tools/summary tools/summary
# Cargo compares times, and these sources are older than the empty ones it has just built. The module logs the revision.
ARG REVISION=unknown
RUN find . -name '*.rs' -exec touch {} + \
 && RUSTFORMATIONS_REVISION="${REVISION}" cargo build --release --locked --package rustformations --package envoyinit \
 && cargo build --profile command --locked --package rustformations-cli \
 && cargo build --locked --package check-module
# Four fifths of the module are its debug information: that goes into a file of its own, and the names that a crash
# report shows stay. Then the unwinder of the programs, which an image without a C++ runtime lacks, and all that the
# command needs. The module has its own.
WORKDIR /target/release
COPY xtask/split-debug.sh /usr/local/bin/
RUN mkdir -p /debug /libraries /cli/usr/local/bin \
 && split-debug.sh librust_module.so \
 && mv librust_module.so.debug /debug/ \
 && mv ../command/rustformations . \
 && strip --strip-debug envoyinit rustformations \
 && /target/debug/check-module librust_module.so \
 && cp -L "$(gcc -print-file-name=libgcc_s.so.1)" /libraries/ \
 && cp rustformations /cli/usr/local/bin/ \
 && ldd rustformations | grep -o '/lib[^ ]*' | xargs cp -L --parents -t /cli

FROM scratch AS module
LABEL org.opencontainers.image.title="rustformations module" \
      org.opencontainers.image.description="librust_module.so, a dynamic module for Envoy" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /target/release/librust_module.so /librust_module.so

FROM scratch AS module-debug
LABEL org.opencontainers.image.title="rustformations module, debug information" \
      org.opencontainers.image.description="librust_module.so.debug, for the module of the same build" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /debug/librust_module.so.debug /librust_module.so.debug

FROM scratch AS cli
LABEL org.opencontainers.image.title="rustformations" \
      org.opencontainers.image.description="Checks configurations of the module rustformations" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /cli /
USER 10101
ENTRYPOINT ["/usr/local/bin/rustformations"]

FROM ${ENVOY_IMAGE} AS envoy-wrapper
USER 0
COPY --from=busybox /bin/busybox /bin/busybox
# What kgateway's entry point and preStop hook call, and an init container; and none of the base image's own
# configuration, so that a pod without its configuration fails.
RUN ["/bin/busybox", "sh", "-euc", "\
    busybox mkdir -p /bin /usr/bin /tmp; \
    for name in /bin/sh /bin/cp /usr/bin/sleep /usr/bin/wget; do busybox ln -sf /bin/busybox $name; done; \
    busybox rm -rf /etc/envoy /docker-entrypoint.sh; \
    busybox mkdir /etc/envoy; \
    busybox chmod 1777 /tmp"]
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /libraries/ /usr/lib/
COPY --from=build /target/release/envoyinit /target/release/rustformations /usr/local/bin/
COPY --from=build /target/release/librust_module.so /usr/local/lib/
COPY envoy-configs/demo.yaml /usr/local/share/rustformations/demo.yaml
COPY docker-entrypoint.sh /docker-entrypoint.sh
ENV ENVOY_DYNAMIC_MODULES_SEARCH_PATH=/usr/local/lib
# The revision changes with every commit: last, so that the layers above stay.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="envoy-wrapper" \
      org.opencontainers.image.description="Envoy with the module rustformations, for kgateway and on its own" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
WORKDIR /
USER 10101
ENTRYPOINT ["/bin/sh", "/docker-entrypoint.sh"]
CMD []
