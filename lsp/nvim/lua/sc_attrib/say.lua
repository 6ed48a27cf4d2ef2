--- Messages, each with the name of who speaks; never colour alone.
local M = {}

local told = {}
local reasons = vim.api.nvim_create_namespace("sc_attrib.withheld")

--- Show a message, a moment later: an error inside of an autocommand would end what the user was doing.
---@param level? integer of vim.log.levels
function M.say(message, level)
  vim.schedule(function()
    vim.notify("sc-attrib: " .. message, level or vim.log.levels.INFO)
  end)
end

--- Show a message, unless it was shown before.
function M.once(message, level)
  if not told[message] then
    told[message] = true
    M.say(message, level)
  end
end

function M.define_highlights()
  vim.api.nvim_set_hl(0, "ScAttribProvenance", { default = true, link = "DiagnosticInfo" })
  vim.api.nvim_set_hl(0, "ScAttribWithheld", { default = true, link = "DiagnosticWarn" })
end

--- Break a sentence into lines of a width, at spaces where there are any.
---@return string[]
function M.wrapped(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    local longer = line == "" and word or line .. " " .. word
    if line ~= "" and vim.fn.strdisplaywidth(longer) > width then
      table.insert(lines, line)
      line = word
    else
      line = longer
    end
  end
  table.insert(lines, line)
  return lines
end

--- Virtual lines for a sentence, as wide as the window.
function M.virtual_lines(text, highlight)
  local room = math.max(20, vim.api.nvim_win_get_width(0) - 8)
  return vim.tbl_map(function(line)
    return { { line, highlight } }
  end, M.wrapped(text, room))
end

--- Say below the line with the cursor why a suggestion was withheld, where its document is the one on screen.
function M.withheld(withheld)
  local buffer = vim.uri_to_bufnr(withheld.uri)
  if buffer ~= vim.api.nvim_get_current_buf() then
    return
  end
  M.clear_withheld(buffer)
  vim.api.nvim_buf_set_extmark(buffer, reasons, vim.api.nvim_win_get_cursor(0)[1] - 1, 0, {
    virt_lines = M.virtual_lines("└ withheld: " .. withheld.reason, "ScAttribWithheld"),
  })
end

function M.clear_withheld(buffer)
  vim.api.nvim_buf_clear_namespace(buffer, reasons, 0, -1)
end

return M
