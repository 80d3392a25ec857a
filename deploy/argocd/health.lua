-- How an mlgate object stands, for Argo CD. For every kind of mlgate.dev.
-- Uses nothing but base Lua: Argo CD opens no other library for custom checks.
local health = { status = "Progressing", message = "Nothing has looked at it yet." }
if obj.status == nil or obj.status.conditions == nil then
  return health
end

local found = {}
for _, condition in ipairs(obj.status.conditions) do
  found[condition.type] = condition
end
local ready, synced = found["Ready"], found["Synced"]
local worse = ready
if ready ~= nil and ready.status == "True" and synced ~= nil then
  worse = synced
end
if worse ~= nil then
  health.message = worse.reason
  if worse.message ~= nil and worse.message ~= "" then
    health.message = worse.reason .. ": " .. worse.message
  end
end

local generation = obj.metadata.generation
if obj.status.observedGeneration == nil or (generation ~= nil and obj.status.observedGeneration ~= generation) then
  health.message = "The last change has not been looked at yet."
  return health
end
local paused = (obj.metadata.annotations or {})["mlgate.dev/paused"]
if paused ~= nil and paused ~= "false" and paused ~= "False" then
  health.status = "Suspended"
  return health
end
if worse ~= nil and (worse.reason == "Paused" or worse.reason == "PlanPending") then
  health.status = "Suspended"
  return health
end
if found["Stalled"] ~= nil and found["Stalled"].status == "True" then
  health.status = "Degraded"
  return health
end
if found["Reconciling"] ~= nil and found["Reconciling"].status == "True" then
  return health
end
if ready ~= nil and ready.status == "True" and synced ~= nil and synced.status == "True" then
  health.status = "Healthy"
  health.message = ready.reason
end
return health
