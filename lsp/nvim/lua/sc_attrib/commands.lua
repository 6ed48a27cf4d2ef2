--- :ScAttrib and its words.
local client = require("sc_attrib.client")
local options = require("sc_attrib.options")
local program = require("sc_attrib.program")
local say = require("sc_attrib.say")
local state = require("sc_attrib.state")

local M = {}

local TYPES = { deny = "E", review = "W", attribute = "I" }

local function folder()
  local running = client.of(0)
  return running and running.config.root_dir or vim.fn.getcwd()
end

--- Run the program; say what it says where it fails.
local function run(words, use)
  local function done(code, stdout, stderr)
    if code == 2 or code > 128 then
      say.say(vim.trim(stderr), vim.log.levels.ERROR)
    else
      use(stdout)
    end
  end
  if not program.run(words, done, folder()) then
    say.say("the program could not be started; :checkhealth sc_attrib tells why", vim.log.levels.ERROR)
  end
end

--- A command that looks in the same indexes as the server.
local function with_indexes(words)
  local trace = options.current.settings.trace or {}
  for _, index in ipairs(trace.indexes or {}) do
    vim.list_extend(words, { "--index", index })
  end
  return words
end

--- Rows of the quickfix list for a report of `sc-attrib check`.
local function rows_of(report)
  local rows = {}
  for _, file in ipairs(report.files) do
    for _, match in ipairs(file.matches) do
      local source = match.source
      table.insert(rows, {
        filename = vim.fn.fnamemodify(file.path, ":p"),
        lnum = match.query.lines[1],
        type = TYPES[match.verdict] or "N",
        text = ("%s: %d%% like %s %s · %s"):format(match.verdict, math.floor(match.similarity * 100 + 0.5),
          source.origin, source.path, match.license.expression),
      })
    end
  end
  return rows
end

--- Check files as they are on disk; the current one without names.
local function check(paths)
  if #paths == 0 and vim.bo.modified then
    say.say("the file is checked as it is on disk, without what you have not written yet", vim.log.levels.WARN)
  end
  local files = vim.tbl_map(function(path)
    return vim.fn.fnamemodify(vim.fn.expand(path), ":p")
  end, #paths > 0 and paths or { "%" })
  run(vim.list_extend(with_indexes({ "check", "--format", "json" }), files), function(stdout)
    local rows = rows_of(vim.json.decode(stdout))
    vim.fn.setqflist({}, " ", { title = "sc-attrib check", items = rows })
    say.say(("%d %s like known code"):format(#rows, #rows == 1 and "place is" or "places are"))
    if #rows > 0 then
      vim.cmd("botright copen")
    end
  end)
end

--- Show text in a window of its own.
---@param where? "vertical" beside the current window; below all without
local function show(name, lines, where)
  vim.cmd(where == "vertical" and "vertical new" or "botright new")
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].buftype, vim.bo[buffer].bufhidden, vim.bo[buffer].swapfile = "nofile", "wipe", false
  pcall(vim.api.nvim_buf_set_name, buffer, "sc-attrib://" .. name)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
end

--- Report where accepted suggestions are now, and what still binds them.
local function ledger()
  run(with_indexes({ "ledger", "report" }), function(stdout)
    show("ledger", vim.split(vim.trim(stdout), "\n"))
  end)
end

local function log()
  local path = vim.lsp.get_log_path and vim.lsp.get_log_path() or vim.lsp.log.get_filename()
  vim.cmd("botright split " .. vim.fn.fnameescape(path))
  vim.cmd("normal! G")
end

local function status()
  local withheld = state.withheld ~= "" and "\nlast withheld: " .. state.withheld or ""
  vim.api.nvim_echo({ { state.text() .. withheld } }, true, {})
end

--- The mark of known code that holds the cursor's line; says so where there is none.
local function mark_here()
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  for _, mark in ipairs(vim.diagnostic.get(0)) do
    local sent = mark.user_data and mark.user_data.lsp or {}
    local holds = mark.lnum <= line and line <= (mark.end_lnum or mark.lnum)
    if mark.source == "sc-attrib" and holds and sent.codeDescription then
      return sent
    end
  end
  say.say("no known code is marked at the cursor")
end

--- Open the archive's page of the source at the cursor; before 0.10 its address is shown.
local function archive()
  local mark = mark_here()
  if not mark then
    return
  end
  if vim.ui.open then
    vim.ui.open(mark.codeDescription.href)
  end
  vim.api.nvim_echo({ { mark.codeDescription.href } }, true, {})
end

--- Show the source of the code at the cursor beside it, at its lines; say why where that cannot be.
local function source()
  local mark, running = mark_here(), client.of(0)
  if not mark or not running then
    return
  end
  local filetype = vim.bo.filetype
  client.request(running, "sc-attrib/source", { swhid = mark.data.source.swhid }, function(failed, answer)
    if failed then
      say.say(failed.message, vim.log.levels.ERROR)
    elseif answer.text == vim.NIL or not answer.text then
      say.say(answer.reason .. "\n" .. mark.codeDescription.href)
    else
      show(answer.origin .. "/" .. answer.path, vim.split(answer.text, "\n"), "vertical")
      vim.bo.filetype = filetype
      vim.api.nvim_win_set_cursor(0, { answer.lines ~= vim.NIL and answer.lines[1] or 1, 0 })
    end
  end, 0)
end

M.words = {
  archive = archive,
  check = check,
  ledger = ledger,
  log = log,
  restart = client.restart,
  source = source,
  status = status,
}

local function names()
  local all = vim.tbl_keys(M.words)
  table.sort(all)
  return all
end

--- Run `:ScAttrib WORD …`.
function M.run(words)
  local word = words[1] or "status"
  local command = M.words[word]
  if command then
    command(vim.list_slice(words, 2))
  else
    say.say(("there is no :ScAttrib %s; there are %s"):format(word, table.concat(names(), ", ")), vim.log.levels.ERROR)
  end
end

--- Words for the command line, and files after `check`.
function M.complete(typed, line)
  if line:match("^%s*%S+%s+check%s") then
    return vim.fn.getcompletion(typed, "file")
  end
  return vim.tbl_filter(function(name)
    return vim.startswith(name, typed)
  end, names())
end

return M
