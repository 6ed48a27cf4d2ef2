--- :checkhealth sc_attrib
local M = {}

local health = vim.health or require("health")
local start = health.start or health.report_start
local ok = health.ok or health.report_ok
local info = health.info or health.report_info
local warn = health.warn or health.report_warn
local err = health.error or health.report_error

local function editor()
  start("Neovim")
  if require("sc_attrib.suggestion").is_inline() then
    ok("suggestions are ghost text, with their source in a line below")
  else
    warn("suggestions stand in the completion menu", { "Neovim 0.12 or newer shows them as ghost text" })
  end
end

local function program(command)
  start("The program")
  local path = vim.fn.exepath(command[1])
  if path == "" then
    err(command[1] .. " was not found", {
      "pipx install 'sc-attrib[lsp,llama]'",
      "or name it: require(\"sc_attrib\").setup({ cmd = { \"/full/path/to/sc-attrib\", \"lsp\" } })",
    })
    return
  end
  local said = vim.trim(vim.fn.system({ command[1], "--version" }))
  if vim.v.shell_error ~= 0 then
    err(path .. " does not run: " .. said, { "install it anew" })
    return
  end
  ok(("%s (%s)"):format(said, path))
end

local function server()
  start("The server")
  local running = require("sc_attrib.client").all()
  if #running == 0 then
    info("not running; it starts with the first file that it is for")
  end
  for _, client in ipairs(running) do
    ok("runs for " .. (client.config.root_dir or "files without a project"))
  end
  local state = require("sc_attrib.state")
  local tell = state.status.kind == "Error" and err or info
  tell(state.text())
  if state.withheld ~= "" then
    info("the last suggestion that was withheld: " .. state.withheld)
  end
end

local function keys(options)
  start("Keys of insert mode")
  for _, name in ipairs({ "accept", "accept_word", "suggest", "next", "previous" }) do
    info(("%-12s %s"):format(name, options.keys[name] or "none"))
  end
end

function M.check()
  local options = require("sc_attrib.options").current
  editor()
  program(options.cmd)
  server()
  keys(options)
end

return M
