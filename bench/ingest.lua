-- ingest.lua: what wrk sends: `track` (one event a request, as a page's beacon) or `import` (2,000 events a request). Each event has
-- an insert id of its own, so that none folds away. Arguments: kind, token, authorization, thread seed.
local kind, token, authorization
local n, seed = 0, 0
local names = { "page_view", "view_item", "add_to_cart", "search", "click" }
local systems = { "iOS", "Android", "Windows", "macOS" }
local threads = 0

function setup(thread)
    thread:set("seed", threads)
    threads = threads + 1
end

local function event(with_token)
    n = n + 1
    return string.format(
        '{"event":"%s","properties":{%s"time":%d,"distinct_id":"u%d","$insert_id":"w%d-%d","$os":"%s","$browser":"Chrome",' ..
        '"$current_url":"https://shop.example/p/%d","$referrer":"https://site-%d.example/","$screen_width":1920,"$screen_height":1080,' ..
        '"$lib_version":"2.83.0","plan":"free","country":"AB","utm_source":"source-%d","session_id":"s-%d-%d"}}',
        names[n % 5 + 1], with_token and '"token":"' .. token .. '",' or "", os.time() * 1000 + n % 1000, (n * 7919) % 50000,
        seed, n, systems[n % 4 + 1], n % 2000, n % 500, n % 30, seed, math.floor(n / 8))
end

function init(args)
    kind, token, authorization = args[1], args[2], args[3]
    wrk.method = "POST"
    seed = tonumber(seed) + os.time()
    if kind == "import" then
        wrk.headers["Content-Type"] = "application/x-ndjson"
        wrk.headers["Authorization"] = authorization
    else
        wrk.headers["Content-Type"] = "application/json"
    end
end

function request()
    if kind == "track" then return wrk.format(nil, nil, nil, "[" .. event(true) .. "]") end
    local lines = {}
    for i = 1, 2000 do lines[i] = event(false) end
    return wrk.format(nil, nil, nil, table.concat(lines, "\n"))
end

function done(summary, latency)
    local e = summary.errors
    io.write(string.format('\n{"requests":%d,"seconds":%f,"refused":%d,"lost":%d,"p50_ms":%f,"p99_ms":%f}\n', summary.requests,
        summary.duration / 1e6, e.status, e.connect + e.read + e.write + e.timeout, latency:percentile(50) / 1000,
        latency:percentile(99) / 1000))
end
