-- Appends commits, if the log ends where whoever planned them believes, and none of them was appended before.
-- One step: nothing else comes in between, and it is written to disk and to replicas as a whole.
--
-- KEYS: log, meta, answers, answered, touched
-- ARGV: epoch, seq and hash of the last commit; the time before which answers are forgotten;
--       the number of idempotency keys, and for each: key, the oldest time of an answer that counts;
--       for each commit: seq, time, body, hash, by, idempotency key and fingerprint (or empty),
--       the number of documents that it changed, and for each its entry in the index.
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'seq', 'hash')
if meta[1] ~= ARGV[1] or meta[2] ~= ARGV[2] or meta[3] ~= ARGV[3] then
  return {'moved'}
end
local i = 6
local known = {}
for _ = 1, tonumber(ARGV[5]) do
  local answer = redis.call('HGET', KEYS[3], ARGV[i])
  if answer and tonumber(string.match(answer, '^%S+')) >= tonumber(ARGV[i + 1]) then
    known[#known + 1] = ARGV[i]
    known[#known + 1] = answer
  end
  i = i + 2
end
if #known > 0 then
  return {'known', unpack(known)}
end
local seq, hash
while i <= #ARGV do
  local at, key, fingerprint = ARGV[i + 1], ARGV[i + 5], ARGV[i + 6]
  seq, hash = ARGV[i], ARGV[i + 3]
  -- First, for it is the only one that can be refused: a number that is there is never written again.
  if fingerprint == '' then
    redis.call('XADD', KEYS[1], seq .. '-0', 'body', ARGV[i + 2], 'hash', hash, 'by', ARGV[i + 4])
  else
    redis.call('XADD', KEYS[1], seq .. '-0', 'body', ARGV[i + 2], 'hash', hash, 'by', ARGV[i + 4], 'fingerprint', fingerprint)
    redis.call('HSET', KEYS[3], key, at .. ' ' .. seq .. ' ' .. fingerprint)
    redis.call('ZADD', KEYS[4], at, key)
  end
  local touched = tonumber(ARGV[i + 7])
  for j = i + 8, i + 7 + touched do
    redis.call('ZADD', KEYS[5], 0, ARGV[j])
  end
  i = i + 8 + touched
end
if seq then
  redis.call('HSET', KEYS[2], 'seq', seq, 'hash', hash)
  -- More than are made at a time, so that none stay for ever; few enough to take no time.
  for _, key in ipairs(redis.call('ZRANGE', KEYS[4], '-inf', '(' .. ARGV[4], 'BYSCORE', 'LIMIT', 0, 512)) do
    redis.call('ZREM', KEYS[4], key)
    redis.call('HDEL', KEYS[3], key)
  end
end
return {'written'}
