-- Publish alerts once each: append to the stream, remember the id, tell the live channel. All or nothing.
--   KEYS: the stream, then one claim key for each alert (all in one hash slot)
--   ARGV: most entries kept, claim's seconds to live, live channel, then id, kind, severity, status, data of each
--   returns how many of them were new
-- The entry goes in before the claim: Redis does not undo a script that fails half way, and an entry without a
-- claim is written twice at worst, while a claim without an entry would be an alert lost.
local stream, limit, ttl, channel = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local new = 0
for i = 2, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 0 then
    local at = 4 + (i - 2) * 5
    local data = ARGV[at + 4]
    redis.call('XADD', stream, 'MAXLEN', '~', limit, '*',
      'id', ARGV[at], 'kind', ARGV[at + 1], 'severity', ARGV[at + 2], 'status', ARGV[at + 3], 'data', data)
    redis.call('SET', KEYS[i], '1', 'EX', ttl)
    redis.call('PUBLISH', channel, data)
    new = new + 1
  end
end
return new
