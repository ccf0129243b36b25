/**
 * Request fields that name a host, a scheme, a path or a client to whoever believes them, beside those of HTTP itself.
 *
 * Those that proxies set by custom are ours alone to send, so that what a client writes there never reaches a backend. The
 * others are an application's or a platform's own; they are passed on, since some clients may rightly send them, but what
 * a backend makes of them is for that client alone.
 */

/** Set by proxies: clients' own are dropped. */
const replaced = new Set([
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-forwarded-proto',
  'x-forwarded-port',
  'x-forwarded-server',
  'x-forwarded-scheme',
  'x-forwarded-ssl',
  'x-forwarded-prefix',
  'x-forwarded-by',
  'x-forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-request-id',
  'x-original-url',
  'x-original-host',
  'x-original-uri',
  'x-rewrite-url',
  'x-http-host-override',
])

/**
 * By what their documentation says: Symfony, Zend and IIS rewriting, Rails, Rack, Django, Werkzeug, Spring, Play, ASP.NET,
 * Express, Next.js, Magento, WordPress plug-ins; the edges of Cloudflare, Akamai, Fastly, Azure, AWS, Google, Envoy, Heroku.
 */
const families = ['x-forwarded-', 'x-original-', 'x-rewrite-', 'x-envoy-original-', 'x-middleware-', 'x-invoke-']
const places = new Set([
  'x-host',
  'x-host-override',
  'x-http-host',
  'x-forwarded-host-override',
  'x-server-name',
  'x-backend-host',
  'x-backend-server',
  'x-base-url',
  'x-baseurl',
  'x-url',
  'x-uri',
  'x-path',
  'x-path-info',
  'x-request-uri',
  'x-request-url',
  'x-real-url',
  'x-override-url',
  'x-http-path-override',
  'x-http-destinationurl',
  'x-destination',
  'x-script-name',
  'x-prefix',
  'x-scheme',
  'x-url-scheme',
  'x-protocol',
  'x-https',
  'x-ssl',
  'x-port',
  'x-wap-profile',
  'x-amz-website-redirect-location',
  'x-arr-ssl',
  'x-now-route-matches',
  'x-matched-path',
  'cf-visitor',
  'fastly-ssl',
  'fastly-orig-host',
  'front-end-https',
  'base-url',
  'proxy-host',
  'request-uri',
])

const clients = new Set([
  'x-azure-clientip',
  'x-azure-socketip',
  'x-appengine-user-ip',
  'x-cluster-client-ip',
  'x-remote-ip',
  'x-remote-addr',
  'x-remote-user',
  'x-originating-ip',
  'x-custom-ip-authorization',
  'true-client-ip',
  'cf-connecting-ip',
  'cf-connecting-ipv6',
  'client-ip',
  'fastly-client-ip',
  'cluster-client-ip',
  'remote-addr',
  'remote-user',
  'x-arr-clientcert',
  'x-envoy-external-address',
  'x-original-forwarded-for',
])

/** CGI-like backends cannot tell `_` from `-`. */
const normal = (name: string) => name.toLowerCase().replaceAll('_', '-')

/** Whether this is a field that proxies set: a client's own is not passed on. */
export function isOurs(name: string): boolean {
  switch (name.charCodeAt(0) | 0x20) {
    case 0x78: // x
      return name.length >= 9 && replaced.has(normal(name))
    case 0x66: // f
      return name.length === 9 && name.toLowerCase() === 'forwarded'
    default:
      return false
  }
}

/** Whether a field that is passed on may have a backend take the request for one to elsewhere, or from somebody else. */
export function mayMislead(name: string): boolean {
  if (!mayBegin(name)) return false
  const written = normal(name)
  return clients.has(written) || isPlace(written)
}

/** Whether a field that is passed on may have a backend take the request for one to another host, scheme or path. */
export function namesPlace(name: string): boolean {
  return mayBegin(name) && isPlace(normal(name))
}

function isPlace(written: string): boolean {
  if (replaced.has(written) || clients.has(written)) return false
  return places.has(written) || families.some((prefix) => written.startsWith(prefix))
}

/** Rules out nearly every field by its first letters and its length, since each request's are looked at. */
function mayBegin(name: string): boolean {
  const [first, second] = [name.charCodeAt(0) | 0x20, name.charCodeAt(1) | 0x20]
  if (first === 0x78) return second === 0x2d || second === 0x7f // x-, or x_ as it is with the bit set
  return beginnings.has(beginning(name.length, first, second))
}

function beginning(length: number, first: number, second: number): number {
  return length * 65_536 + first * 256 + second
}

const beginnings = new Set(
  [...places, ...clients].map((name) => beginning(name.length, name.charCodeAt(0), name.charCodeAt(1))),
)
