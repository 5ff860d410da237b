-- The ids of the alerts in a part of the stream; their data stays where it is.
--   KEYS: the stream; ARGV: the entry after which to begin ('' for the first), most entries to look at
--   returns the last entry that was looked at ('' for none), then the ids
local start = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local found = {''}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], start, '+', 'COUNT', ARGV[2])) do
  found[1] = entry[1]
  local fields = entry[2]
  for i = 1, #fields, 2 do
    if fields[i] == 'id' then found[#found + 1] = fields[i + 1] end
  end
end
return found
