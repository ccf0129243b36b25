/** Who is shed last: the classes of requests, most important first. */
export const priorities = ['critical', 'high', 'normal', 'low'] as const
export type Priority = (typeof priorities)[number]
export const CRITICAL = 0
export const HIGH = 1
export const NORMAL = 2
export const LOW = 3
