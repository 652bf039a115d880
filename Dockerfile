# The node, and all other commands of Sealane, in an image without a shell's worth of anything else. Build it in the repository:
#
#   docker build -t sealane .
#   docker run -v sealane:/data sealane init --name "Acme Foods"
#   docker run -v sealane:/data -p 8080:8080 -e SEALANE_PUBLIC_URL=https://ledger.example sealane
FROM rust:1-bookworm AS build
WORKDIR /source
COPY . .
RUN cargo build --locked --release --bin sealane

FROM debian:bookworm-slim
RUN groupadd --system --gid 10001 sealane && useradd --system --uid 10001 --gid 10001 --no-create-home sealane && install -d -o sealane -g sealane -m 0700 /data
COPY --from=build /source/target/release/sealane /usr/local/bin/sealane
USER sealane
ENV SEALANE_DATA=/data
VOLUME /data
EXPOSE 8080 7443
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s CMD ["sealane", "health"]
ENTRYPOINT ["sealane"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
