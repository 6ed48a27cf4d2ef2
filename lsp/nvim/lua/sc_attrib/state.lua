--- What the server last said of itself.
local M = {}

--- As in copilot-language-server: kind is Normal, Warning, Error or Inactive.
M.status = { kind = "Inactive", message = "not started", busy = false }
--- Why the last suggestion was withheld; empty if it was not.
M.withheld = ""

function M.text()
  local status = M.status
  if status.kind == "Error" then
    return "sc-attrib: no suggestions: " .. status.message
  end
  return "sc-attrib: " .. status.message .. (status.busy and " …" or "")
end

return M
