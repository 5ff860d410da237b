-- Put alerts back that the stream has lost. Nobody is told on the live channel: they are not news.
--   KEYS: the stream, then the claim key of each alert (all in one hash slot)
--   ARGV: most entries kept, claim's seconds to live, this run's mark,
--         then the claim as it was when the alert was found missing ('' for none), id, kind, severity, status, data
--   returns how many were put back
-- A claim that has changed since says that a worker or another run was quicker: then there is nothing to do.
local stream, limit, ttl, mark = KEYS[1], ARGV[1], ARGV[2], ARGV[3]
local restored = 0
for i = 2, #KEYS do
  local at = 4 + (i - 2) * 6
  if (redis.call('GET', KEYS[i]) or '') == ARGV[at] then
    redis.call('XADD', stream, 'MAXLEN', '~', limit, '*', 'id', ARGV[at + 1], 'kind', ARGV[at + 2],
      'severity', ARGV[at + 3], 'status', ARGV[at + 4], 'data', ARGV[at + 5])
    redis.call('SET', KEYS[i], mark, 'EX', ttl)
    restored = restored + 1
  end
end
return restored
