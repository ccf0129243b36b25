/** What scenarios of the cache have in common. */
import { type GatewayParts, gateway, haproxy, nginx, varnish } from '../configurations.ts'
import type { Scenario, Site, Stage } from '../scenario.ts'
import type { Phase } from '../schedule.ts'

/** Every contender as a cache in memory that does what the origin says, and never two fetches of one thing where it can. */
export const caches: Scenario['configurations'] = {
  nginx: (site) =>
    nginx(site, {
      http: `proxy_cache_path ${site.folder}/cache keys_zone=objects:16m max_size=256m use_temp_path=off;`,
      location: `
      proxy_cache objects;
      proxy_cache_lock on;
      proxy_cache_use_stale updating error timeout http_500 http_502 http_503 http_504;
      proxy_cache_background_update on;`,
    }),
  haproxy: (site) =>
    haproxy(site, {
      backend: 'http-request cache-use objects\n  http-response cache-store objects',
      sections: 'cache objects\n  total-max-size 256\n  max-object-size 1000000\n  max-age 3600',
    }),
  // Its default of ten seconds of grace is the operator's to raise; what the origin says about stale answers counts for none.
  varnish: (site) => varnish(site, 'set beresp.grace = 1h;'),
  gateway: (site) => gateway(site, { route: 'cache: true' }),
}

/** Instances that share what they know in the Redis of the scenario. */
export function sharing(parts: GatewayParts = {}): (site: Site) => string {
  return (site) =>
    gateway(site, {
      top: `
        redis: {url: 'redis://127.0.0.1:${site.services.redis}'}
        cache: {redis: true}`,
      route: 'cache: true',
      ...parts,
    })
}

export const CLIENTS = 1000
export const RUSH_SECONDS = 1.5

/** Again and again, a thousand clients ask for one thing at once, each time for another. */
export function rushes(name: string, { times = 3, isFresh = false } = {}): Phase[] {
  return Array.from({ length: times }, (_, i) => {
    const rush = { class: 'all', atOnce: CLIENTS, paths: [`/${name}/${i}`], isFresh }
    return { name: `${name} ${i}`, seconds: RUSH_SECONDS, streams: [rush] }
  })
}

/** Requests that have reached the first backend so far. */
export async function reached(stage: Stage): Promise<number> {
  return (await stage.backends.counts()).at(0)?.reached ?? Number.NaN
}
