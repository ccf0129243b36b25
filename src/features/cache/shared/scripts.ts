/** What Redis does in one step. Every key of a script lies in one slot of a cluster: the part in braces is the same. */
import type { Script } from '../../../core/shared-state.ts'

/**
 * Adds a purge to the log and tells everybody. The log is one hash, so that it is lost as a whole or not at all.
 * KEYS log; ARGV epoch if there is none yet, entry, entries to keep, channel. Answers epoch and number.
 */
export const appendPurge: Script = {
  name: 'cache_purge',
  lua: `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
end
local seq = redis.call('HINCRBY', KEYS[1], 'last', 1)
redis.call('HSET', KEYS[1], seq, ARGV[2])
redis.call('HDEL', KEYS[1], seq - tonumber(ARGV[3]))
redis.call('PUBLISH', ARGV[4], 'p ' .. epoch .. ' ' .. seq .. ' ' .. ARGV[2])
return {epoch, seq}`,
}

/**
 * Reads the log from a position on, a page at a time. One that ends before what is known of it was restored from an old
 * copy, and lacks purges: a new one begins, by which everything that is stored counts as outdated.
 * KEYS log; ARGV epoch if there is none yet, epoch and number known, entries at most, entries kept, channel.
 * Answers epoch, last number, number of the first entry that follows, and the entries.
 */
export const readPurges: Script = {
  name: 'cache_purges',
  lua: `
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch == ARGV[2] and tonumber(redis.call('HGET', KEYS[1], 'last') or '0') < tonumber(ARGV[3]) then
  redis.call('DEL', KEYS[1])
  epoch = false
end
if not epoch then
  epoch = ARGV[1]
  redis.call('HSET', KEYS[1], 'epoch', epoch)
  redis.call('PUBLISH', ARGV[6], 'p ' .. epoch .. ' 0 {}')
end
local last = tonumber(redis.call('HGET', KEYS[1], 'last') or '0')
local first = 1
if epoch == ARGV[2] then first = tonumber(ARGV[3]) + 1 end
first = math.max(first, last - tonumber(ARGV[5]) + 1)
local answer = {epoch, last, first}
for seq = first, math.min(last, first + tonumber(ARGV[4]) - 1) do
  answer[#answer + 1] = redis.call('HGET', KEYS[1], seq) or '{}'
end
return answer`,
}

/**
 * Before a fetch: says whether another instance has it under way. What is there by now is not fetched.
 * KEYS object, version, lock; ARGV field ('' where it is known to be there, and of no use), token, lock's milliseconds
 * ('0': none wanted).
 * Answers 'there', 'locked' or 'yours', and the version that the fetch belongs to.
 */
export const beginFetch: Script = {
  name: 'cache_begin',
  lua: `
local version = redis.call('GET', KEYS[2]) or '0'
if ARGV[3] == '0' then return {'yours', version} end
if ARGV[1] ~= '' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return {'there', version} end
if redis.call('SET', KEYS[3], ARGV[2], 'NX', 'PX', ARGV[3]) then return {'yours', version} end
return {'locked', version}`,
}

/**
 * Keeps what was fetched, unless it was purged meanwhile, lets go of the lock, and tells those who wait.
 * KEYS object, version, lock; ARGV field, record ('' keeps nothing), milliseconds, version, token, channel, name,
 * field of the Vary marker ('' for none), marker, fields at most.
 */
export const endFetch: Script = {
  name: 'cache_store',
  lua: `
local kept = 0
if ARGV[2] ~= '' and (redis.call('GET', KEYS[2]) or '0') == ARGV[4] then
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[10]) then redis.call('DEL', KEYS[1]) end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], ARGV[8], ARGV[9]) end
  if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
  kept = 1
end
if redis.call('GET', KEYS[3]) == ARGV[5] then redis.call('DEL', KEYS[3]) end
redis.call('PUBLISH', ARGV[6], (kept == 1 and 'f ' or 'r ') .. ARGV[7])
return kept`,
}

/**
 * Removes what is stored for a resource, and voids fetches that are under way.
 * KEYS object, version; ARGV milliseconds for which a fetch may last.
 */
export const purgeResource: Script = {
  name: 'cache_delete',
  lua: `
redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])`,
}
