# The image of attune: one static program, as a user without rights.
#   docker build --tag attune .
#   docker run --rm --volume "$PWD:/work:ro" attune validate
# For pipelines, `--target ci` is a small system with a shell, git, ssh-keygen, curl and jq.

FROM rust:1.89-alpine3.22 AS build
RUN apk add --no-cache musl-dev=~1.2
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY schemas schemas
COPY docs/lints.md docs/lints.md
COPY benches benches
COPY tests/it/main.rs tests/it/main.rs
# `attune --version -v` shows it.
ARG REVISION=
ENV ATTUNE_COMMIT=${REVISION}
RUN cargo build --locked --release && install -D -m 755 target/release/attune /out/usr/bin/attune \
    && install -D -m 644 /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ca-certificates.crt \
    && printf 'attune:x:65532:65532::/work:/sbin/nologin\n' > /out/etc/passwd \
    && printf 'attune:x:65532:\n' > /out/etc/group \
    && install -d -m 755 -o 65532 -g 65532 /out/work

FROM alpine:3.22 AS ci
RUN apk add --no-cache bash=~5 curl=~8 git=~2 jq=~1 openssh-keygen=~10 unzip=~6
COPY --from=build /out/usr/bin/attune /usr/bin/attune
COPY --from=build /out/etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=build /out/etc/passwd /etc/passwd
COPY --from=build /out/etc/group /etc/group
COPY --from=build --chown=65532:65532 /out/work /work
WORKDIR /work
USER 65532:65532
CMD ["sh"]

FROM scratch AS attune
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="attune" \
      org.opencontainers.image.description="Manage S3 access on WEKA clusters as code" \
      org.opencontainers.image.source="https://github.com/OWNER/attune" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /out/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
WORKDIR /work
USER 65532:65532
ENTRYPOINT ["/usr/bin/attune"]
CMD ["--help"]
