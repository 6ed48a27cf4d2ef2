--- Suggestions with their sources in Neovim: see |sc_attrib.txt|.
local M = {}

--- Start the language server for the files that it is for.
---@param given? table options, laid over the defaults: |sc_attrib-options|
function M.setup(given)
  if vim.fn.has("nvim-0.7") == 0 then
    vim.notify("sc-attrib: Neovim 0.7 or newer is needed", vim.log.levels.ERROR)
    return
  end
  local options = require("sc_attrib.options")
  for _, problem in ipairs(options.take(given or {})) do
    require("sc_attrib.say").say(problem, vim.log.levels.WARN)
  end
  require("sc_attrib.say").define_highlights()
  require("sc_attrib.client").enable()
end

--- Take the suggestion that is shown, or a part of it.
---@param part? "word"|"line" all of it without
---@return boolean whether there was one
function M.accept(part)
  return require("sc_attrib.suggestion").accept(part)
end

--- Ask for a suggestion now, and for others beside it.
function M.suggest()
  require("sc_attrib.suggestion").suggest()
end

--- Show the next of several suggestions.
---@param count? integer how many further; negative for back
function M.next(count)
  require("sc_attrib.suggestion").next(count or 1)
end

--- Take the suggestion off the screen.
---@return boolean whether there was one
function M.dismiss()
  return require("sc_attrib.suggestion").dismiss()
end

--- The server's state in a few words, for a status line.
---@return string
function M.status()
  return require("sc_attrib.state").text()
end

return M
