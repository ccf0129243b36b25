/** The trace that a request belongs to, by W3C Trace Context (https://www.w3.org/TR/trace-context/#traceparent-header). */

/** version, trace-id, parent-id, flags; later versions may append more. Lower case only, as the standard asks. */
const form = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?$/

/** The trace id in a traceparent field, or undefined when the field is not valid and has to be ignored. */
export function traceId(traceparent: string): string | undefined {
  const match = form.exec(traceparent)
  if (match === null) return undefined
  const [, version, trace, parent, more] = match
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (trace === NO_TRACE || parent === NO_PARENT) return undefined
  return trace
}

const NO_TRACE = '0'.repeat(32)
const NO_PARENT = '0'.repeat(16)
