/** The query of a URL with its `?`, or empty where there is none: an empty query is one (RFC 3986 §6.2.3), which `search` hides. */
export function queryOf(url: URL): string {
  if (url.search !== '') return url.search
  const [withoutFragment = ''] = url.href.split('#', 1)
  return withoutFragment.endsWith('?') ? '?' : ''
}
