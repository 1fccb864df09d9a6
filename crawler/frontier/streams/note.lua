-- Write or remove one field. KEYS: hash. ARGV: field, value ('' removes it).
if ARGV[2] == '' then
    redis.call('HDEL', KEYS[1], ARGV[1])
else
    redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
end
return 0
