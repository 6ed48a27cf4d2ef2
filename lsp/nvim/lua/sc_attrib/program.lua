--- Runs the sc-attrib program beside the server, without waiting for it.
local options = require("sc_attrib.options")

local M = {}

--- Run a command; `done` gets its exit code, its stdout and its stderr. False if it cannot be started.
---@param words string[]
---@param done fun(code: integer, stdout: string, stderr: string)
---@param folder? string where it runs
function M.run(words, done, folder)
  local out, err = {}, {}
  local command = vim.list_extend({ options.current.cmd[1] }, words)
  local started, job = pcall(vim.fn.jobstart, command, {
    cwd = folder,
    stdout_buffered = true,
    stderr_buffered = true,
    on_stdout = function(_, lines)
      out = lines
    end,
    on_stderr = function(_, lines)
      err = lines
    end,
    on_exit = function(_, code)
      done(code, table.concat(out, "\n"), table.concat(err, "\n"))
    end,
  })
  return started and job > 0
end

return M
