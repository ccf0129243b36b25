/** What is alike in all configurations of a contender; the scenarios fill in what matters. */
import { userInfo } from 'node:os'
import { fileURLToPath } from 'node:url'
import { findCommand } from '../processes.ts'
import { type ContenderName, type Endpoint, programs, type Site } from './scenario.ts'

export interface NginxParts {
  readonly http?: string
  /** Beside the servers. */
  readonly upstream?: string
  readonly server?: (endpoint: Endpoint, index: number) => string
  readonly location?: string
  /** In place of the upstream. */
  readonly pass?: string
}

/** Its workers would leave root's rights behind, and with them the way to the files of the run. */
const asOneself = process.getuid?.() === 0 ? `user ${userInfo().username};` : ''

/** One worker, kept connections on both sides. */
export function nginx(site: Site, parts: NginxParts = {}): string {
  const { folder, port, endpoints } = site
  const server = parts.server ?? (({ host, port }) => `server ${host}:${port};`)
  return `
daemon off;
${asOneself}
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log crit;
events { worker_connections 16384; }
http {
  access_log off;
  keepalive_timeout 3600s;
  keepalive_requests 1000000000;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  ${parts.http ?? ''}
  upstream app {
    ${parts.upstream ?? ''}
    ${endpoints.map(server).join('\n    ')}
    keepalive 256;
    keepalive_requests 1000000000;
  }
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location / {
      proxy_pass ${parts.pass ?? 'http://app'};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_connect_timeout 1s;
      ${parts.location ?? ''}
    }
  }
}
`
}

export interface HaproxyParts {
  readonly defaults?: string
  readonly frontend?: string
  readonly backend?: string
  /** Of every server, after its address. */
  readonly server?: string
  /** In place of the list of servers. */
  readonly servers?: string
  readonly sections?: string
}

/** One thread, connections reused. */
export function haproxy(site: Site, parts: HaproxyParts = {}): string {
  const servers = site.endpoints.map(({ host, port }, i) => `server s${i} ${host}:${port} ${parts.server ?? ''}`)
  return `
global
  nbthread 1
  maxconn 9500
defaults
  mode http
  timeout connect 1s
  timeout client 60s
  timeout server 60s
  timeout http-keep-alive 3600s
  http-reuse always
  ${parts.defaults ?? ''}
frontend in
  bind 127.0.0.1:${site.port} backlog 4096
  ${parts.frontend ?? ''}
  default_backend app
backend app
  ${parts.backend ?? ''}
  ${parts.servers ?? servers.join('\n  ')}
${parts.sections ?? ''}
`
}

/** Storage is given on its command line. @param fetch lines of VCL for what the backend answered */
export function varnish({ endpoints }: Site, fetch = ''): string {
  const [{ host, port } = { host: '127.0.0.1', port: 0 }] = endpoints
  return `
vcl 4.1;
backend app {
  .host = "${host}";
  .port = "${port}";
  .connect_timeout = 1s;
}
sub vcl_backend_response {
  ${fetch}
}
`
}

export interface GatewayParts {
  /** Keys of the upstream, as lines of YAML. */
  readonly upstream?: string
  /** Keys of the route. */
  readonly route?: string
  /** In place of the one route. */
  readonly routes?: string
  /** Top-level keys. */
  readonly top?: string
}

/** One route to one upstream, with whatever is not said at its default. */
export function gateway(site: Site, parts: GatewayParts = {}, discovered = false): string {
  const endpoints = site.endpoints.map(({ host, port }) => `http://${host}:${port}`)
  return `
listeners:
  - address: 127.0.0.1:${site.port}
admin:
  address: 127.0.0.1:${site.admin}
logs:
  access: false
${block(parts.top, 0)}
upstreams:
  app:
${discovered ? '' : `    endpoints: [${endpoints.join(', ')}]`}
${block(parts.upstream, 4)}
routes:
${block(parts.routes ?? `- name: all\n  upstream: app\n${block(parts.route, 2)}`, 2)}
`.replace(/\n{2,}/g, '\n')
}

/** Lines without the indentation that they share, and with this one. */
function block(text: string | undefined, indentation: number): string {
  const lines = (text ?? '').split('\n').filter((line) => line.trim() !== '')
  const shared = Math.min(...lines.map((line) => line.length - line.trimStart().length))
  return lines.map((line) => ' '.repeat(indentation) + line.slice(shared)).join('\n')
}

/** What serves the site with a configuration in that file. */
export function command(name: ContenderName, site: Site, file: string): string[] {
  const program = findCommand(programs[name]) ?? name
  if (name === 'nginx') return [program, '-e', 'stderr', '-p', site.folder, '-c', file]
  if (name === 'haproxy') return [program, '-q', '-db', '-f', file]
  if (name === 'varnish') {
    const home = ['-n', `${site.folder}/varnish-${site.port}`, '-j', 'none', '-T', 'none', '-p', 'listen_depth=4096']
    return [program, '-F', ...home, '-a', `127.0.0.1:${site.port}`, '-f', file, '-s', 'malloc,256m']
  }
  return [process.execPath, fileURLToPath(new URL('../../bin/gateway.mjs', import.meta.url)), 'run', '-c', file]
}
