# moai in an image of nothing but itself: one static program, no shell, no package manager.
#
#   docker build -t moai .
#   docker run --rm moai --version
#
# docs/deploy.md has the rest; templates/compose.yaml runs it with Prometheus and Grafana.

ARG RUST=1.95
FROM docker.io/library/rust:${RUST}-alpine AS build
# A C compiler for SQLCipher, libgit2 and libdbus, which are built in; musl links all of it statically.
RUN apk add --no-cache build-base linux-headers
WORKDIR /src
COPY . .
RUN cargo build --release --locked --bin moai \
 && install -D -m 0755 target/release/moai /image/moai \
 && ! readelf -d /image/moai | grep -q NEEDED \
 && install -d -m 0777 /image/data \
 && install -d -m 1777 /image/tmp

FROM scratch
COPY --from=build /image/ /
# Everything that moai keeps is in /data: mount a volume there.
ENV HOME=/data \
    MOAI_HOME=/data \
    MOAI_SERVE_HOST=0.0.0.0 \
    PATH=/
USER 65532:65532
WORKDIR /data
VOLUME ["/data"]
EXPOSE 3456
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD ["/moai", "serve", "status"]
ENTRYPOINT ["/moai"]
# It listens for others than itself here, so it wants an access key: MOAI_ACCESS_KEY_FILE, or MOAI_ACCESS_KEY.
CMD ["serve"]
