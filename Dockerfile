# One image for all processes: waybill-api, waybill-worker, waybill-simulators and the command waybill. They are one program,
# which goes by the name it is called by, so that what they share is there once.
#
# The layers of dependencies are cache mounts of the builder. They keep what cargo keeps, so that a change builds as little
# as it does outside, and no second tool has to understand the workspace. A builder that begins with nothing builds all.

FROM rust:1.95.0-bookworm AS build
WORKDIR /waybill
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry,sharing=locked \
    --mount=type=cache,target=/waybill/target,sharing=locked \
    cargo build --locked --profile image -p bundle --features bundle/processes,worker/kafka,worker/amqp \
    && install -D target/image/waybill-bundle /programs/waybill \
    && for process in api worker simulators; do ln -s waybill "/programs/waybill-$process"; done

# No shell, no package manager: the C library, certificates of public authorities, and a user without rights.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /programs/ /usr/local/bin/
USER 65532:65532
CMD ["waybill-api"]
