-- Databases that were filled and those whose content they replace change places, all or none. ARGV: the mark of what was filled,
-- and the mark of what is replaced. Each filled one has under the first mark the number of the database it is for.
local filled, replaced = ARGV[1], ARGV[2]
local pairs_, at, number = {}, {}, 0
while true do
    local found = redis.pcall('SELECT', number)
    if found['err'] then break end
    local place = redis.call('GET', filled)
    if place then
        pairs_[#pairs_ + 1] = { number, tonumber(place) }
        at[number] = number
    end
    number = number + 1
end
for _, pair in ipairs(pairs_) do
    -- It may have been moved already, because another one belongs where it was filled.
    local from, to = at[pair[1]], pair[2]
    local is_old = true
    if from ~= to then redis.call('SWAPDB', from, to) end
    for other, place in pairs(at) do
        if place == to and other ~= pair[1] then
            at[other] = from
            is_old = false
        end
    end
    at[pair[1]] = to
    redis.call('SELECT', to)
    redis.call('DEL', filled)
    redis.call('SELECT', from)
    if from ~= to and is_old and redis.call('DBSIZE') > 0 then redis.call('SET', replaced, '1') end
end
return 'swapped ' .. #pairs_
