# Two stages: the compiler and its packages stay in the first; the second holds Node, the compiled gateway and the
# packages it runs on. Nothing in it needs to be written to, so the container may run with a read-only root:
#
#   docker build -t latency-gateway .
#   docker run --read-only -p 8080:8080 -v ./gateway.yaml:/etc/gateway/gateway.yaml:ro latency-gateway

FROM node:24-bookworm-slim AS build
WORKDIR /build
COPY package.json package-lock.json ./
# Without install scripts: the only one fetches a second Node, for machines whose own is too old.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts/build.mjs scripts/build.mjs
COPY src src
RUN node scripts/build.mjs && npm prune --omit=dev --ignore-scripts --no-audit --no-fund

FROM node:24-bookworm-slim
LABEL org.opencontainers.image.title="latency gateway" \
      org.opencontainers.image.description="A reverse proxy that cuts and bounds the latency users of a backend see" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV NODE_ENV=production \
    GATEWAY_HEALTH_URL=http://127.0.0.1:9900/healthz
WORKDIR /app
COPY --from=build /build/node_modules node_modules
COPY --from=build /build/dist dist
COPY package.json LICENSE ./
COPY bin bin
# The image's own unprivileged user. It owns nothing here, so it cannot change what it runs.
USER node
# Traffic. The admin listener (9900) stays on the container's loopback unless the configuration moves it.
EXPOSE 8080
# SIGTERM drains: see docs/operations.md. Give `docker stop` at least the drain's deadline (--time).
STOPSIGNAL SIGTERM
# Asks the admin listener; where the configuration moves that, set GATEWAY_HEALTH_URL.
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["node", "-e", "fetch(process.env.GATEWAY_HEALTH_URL).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# The exec form: node is PID 1 and receives the signals itself.
ENTRYPOINT ["node", "bin/gateway.mjs"]
CMD ["run", "-c", "/etc/gateway/gateway.yaml"]
