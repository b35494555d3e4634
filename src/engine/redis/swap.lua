-- Databases that were filled and those whose content they replace change places, all or none. ARGV: the mark of what was filled,
-- and the mark of what is replaced. Each filled one has under the first mark the number of the database it is for.
local filled, replaced = ARGV[1], ARGV[2]
local places = {}
local number = 0
while true do
    local found = redis.pcall('SELECT', number)
    if found['err'] then break end
    local place = redis.call('GET', filled)
    if place then places[#places + 1] = { number, tonumber(place) } end
    number = number + 1
end
for _, pair in ipairs(places) do
    redis.call('SWAPDB', pair[1], pair[2])
    redis.call('SELECT', pair[2])
    redis.call('DEL', filled)
    redis.call('SELECT', pair[1])
    if redis.call('DBSIZE') > 0 then redis.call('SET', replaced, '1') end
end
return 'swapped ' .. #places
