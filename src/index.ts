/** For programs that embed the gateway. */
export { type GatewayConfig, load, rootSchema } from './configuration.ts'
export { Gateway, type GatewayOptions } from './gateway.ts'
