--- The language server: how it is configured, started, started again and stopped.
local options = require("sc_attrib.options")
local say = require("sc_attrib.say")
local state = require("sc_attrib.state")
local suggestion = require("sc_attrib.suggestion")

local M = {}

M.NAME = "sc_attrib"
local WINDOW_S = 180
local FIRST_DELAY_MS = 500
local LOOK_MS, MOST_LOOKS = 50, 60

local died = {} -- when a server died, in seconds
local expected = {} -- ids of clients that were asked to end
local group = vim.api.nvim_create_augroup("sc_attrib", {})

--- Whether Neovim starts servers by itself (0.11).
function M.is_native()
  return vim.fn.has("nvim-0.11") == 1
end

--- The running clients.
function M.all()
  local get = vim.lsp.get_clients or vim.lsp.get_active_clients
  return vim.tbl_filter(function(client)
    return client.name == M.NAME
  end, get())
end

--- The client of a buffer, if there is one.
function M.of(buffer)
  for _, client in ipairs(M.all()) do
    if vim.lsp.buf_is_attached(buffer, client.id) then
      return client
    end
  end
end

--- Ask a server; how that is spelled changed with 0.11.
function M.request(client, method, params, handler, buffer)
  if M.is_native() then
    client:request(method, params, handler, buffer)
  else
    client.request(method, params, handler, buffer)
  end
end

--- The nearest folder above a buffer's file that holds a root marker; nil if none does.
local function root_of(buffer)
  local folder = vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":p:h")
  for _, marker in ipairs(options.current.root_markers) do
    local at = folder
    while true do
      if vim.loop.fs_stat(at .. "/" .. marker) then
        return at
      end
      local above = vim.fn.fnamemodify(at, ":h")
      if above == at then
        break
      end
      at = above
    end
  end
end

local handlers = {
  didChangeStatus = function(_, status)
    state.status = status
    vim.cmd("redrawstatus")
  end,
  ["sc-attrib/didWithholdCompletion"] = function(_, withheld)
    state.withheld = withheld.reason
    suggestion.show_withheld(withheld)
  end,
  ["window/showMessage"] = function(_, message)
    local levels = { vim.log.levels.ERROR, vim.log.levels.WARN, vim.log.levels.INFO, vim.log.levels.DEBUG }
    say.say((message.message:gsub("^sc%-attrib: ", "")), levels[message.type])
  end,
}

local function on_attach(client, buffer)
  suggestion.attach(client, buffer)
end

--- Start a server that died once more, a little later each time; say so once, and when it is given up.
local function on_exit(code, signal, id)
  local is_leaving = vim.v.exiting ~= vim.NIL
  local is_disabled = vim.lsp.is_enabled and not vim.lsp.is_enabled(M.NAME)
  if expected[id] or is_leaving or is_disabled or (code == 0 and signal == 0) then
    expected[id] = nil
    return
  end
  local now = os.time()
  died = vim.tbl_filter(function(time)
    return now - time < WINDOW_S
  end, died)
  table.insert(died, now)
  state.status = { kind = "Error", message = "the server ended", busy = false }
  local how = signal ~= 0 and ("signal %d"):format(signal) or ("exit code %d"):format(code)
  vim.schedule(function()
    if #died > options.current.restarts then
      say.say(("the server ended %d times in three minutes (%s) and is left alone; :ScAttrib log shows what it said, "
        .. ":ScAttrib restart starts it again"):format(#died, how), vim.log.levels.ERROR)
      return
    end
    if #died == 1 then
      say.say(("the server ended (%s) and is started again"):format(how), vim.log.levels.WARN)
    end
    vim.defer_fn(M.attach_all, FIRST_DELAY_MS * 2 ^ (#died - 1))
  end)
end

--- What Neovim can do, with the edits of several files that it applies without saying so.
local function capabilities()
  local able = vim.lsp.protocol.make_client_capabilities()
  able.workspace.workspaceEdit.documentChanges = true
  return able
end

--- What |vim.lsp.start_client()| and |vim.lsp.config()| take.
local function config()
  local current = options.current
  return {
    name = M.NAME,
    cmd = current.cmd,
    capabilities = capabilities(),
    init_options = current.settings,
    settings = { ["sc-attrib"] = current.settings },
    handlers = handlers,
    on_attach = on_attach,
    on_exit = on_exit,
  }
end

local function is_wanted(buffer)
  return vim.api.nvim_buf_is_loaded(buffer)
    and vim.bo[buffer].buftype == ""
    and vim.tbl_contains(options.current.filetypes, vim.bo[buffer].filetype)
end

--- Before 0.11: give a buffer to the client of its root, which is started if need be.
local function attach(buffer)
  local root = root_of(buffer)
  for _, client in ipairs(M.all()) do
    if client.config.root_dir == root then
      vim.lsp.buf_attach_client(buffer, client.id)
      return
    end
  end
  local folder = root or vim.fn.fnamemodify(vim.api.nvim_buf_get_name(buffer), ":p:h")
  local wanted = vim.tbl_extend("error", config(), {
    root_dir = root,
    workspace_folders = { { uri = vim.uri_from_fname(folder), name = folder } },
  })
  local id = vim.lsp.start_client(wanted)
  if id then
    vim.lsp.buf_attach_client(buffer, id)
  end
end

--- Whether the program is there; if not, it is told once how to mend that.
local function can_start()
  local program = options.current.cmd[1]
  if vim.fn.executable(program) == 1 then
    return true
  end
  say.once(("%s was not found; install it with \"pipx install 'sc-attrib[lsp,llama]'\", or name it in "
    .. "require(\"sc_attrib\").setup({ cmd = { \"/full/path/to/sc-attrib\", \"lsp\" } })"):format(program),
    vim.log.levels.ERROR)
  return false
end

--- Give every open file that the server is for to a server.
function M.attach_all()
  if M.is_native() then
    vim.lsp.enable(M.NAME)
    return
  end
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if is_wanted(buffer) then
      attach(buffer)
    end
  end
end

--- Start servers from now on, for files that are open already too.
function M.enable()
  if M.is_native() then
    vim.lsp.config(M.NAME, vim.tbl_extend("error", config(), {
      filetypes = options.current.filetypes,
      root_markers = options.current.root_markers,
    }))
    vim.lsp.enable(M.NAME)
    suggestion.enable()
  end
  vim.api.nvim_create_autocmd("FileType", {
    group = group,
    pattern = options.current.filetypes,
    callback = function(event)
      if is_wanted(event.buf) and can_start() and not M.is_native() then
        attach(event.buf)
      end
    end,
  })
  if not M.is_native() and vim.fn.executable(options.current.cmd[1]) == 1 then
    M.attach_all()
  end
end

--- Stop all servers, and start them anew for the files that are open.
function M.restart()
  died = {}
  for _, client in ipairs(M.all()) do
    expected[client.id] = true
    vim.lsp.stop_client(client.id)
  end
  local looks = 0
  local timer = vim.loop.new_timer()
  timer:start(LOOK_MS, LOOK_MS, vim.schedule_wrap(function()
    looks = looks + 1
    if timer:is_closing() or (#M.all() > 0 and looks < MOST_LOOKS) then
      return
    end
    timer:close()
    if can_start() then
      M.attach_all()
    end
  end))
end

return M
