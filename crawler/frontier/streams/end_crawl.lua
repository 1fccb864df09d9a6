-- Drop the registrations of a crawl whose joint manifest is on disk; it is kept here a while for the other workers.
-- KEYS: crawl, runs, closing, joint. ARGV: crawl, joint manifest, ms to keep it.
if redis.call('GET', KEYS[1]) == ARGV[1] then
    redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
    redis.call('SET', KEYS[4], ARGV[2], 'PX', ARGV[3])
end
return 0
