--- :ScAttrib and its words.
local client = require("sc_attrib.client")
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

--- Rows of the quickfix list for a report of `sc-attrib check`.
local function rows_of(report)
  local rows = {}
  for _, file in ipairs(report.files) do
    for _, match in ipairs(file.matches) do
      local source = match.source
      table.insert(rows, {
        filename = vim.fn.fnamemodify(file.path, ":p"),
        lnum = match.query.lines[1],
        end_lnum = match.query.lines[2],
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
  local files = vim.tbl_map(function(path)
    return vim.fn.fnamemodify(vim.fn.expand(path), ":p")
  end, #paths > 0 and paths or { "%" })
  run(vim.list_extend({ "check", "--format", "json" }, files), function(stdout)
    local rows = rows_of(vim.json.decode(stdout))
    vim.fn.setqflist({}, " ", { title = "sc-attrib check", items = rows })
    say.say(("%d %s like known code"):format(#rows, #rows == 1 and "place is" or "places are"))
    if #rows > 0 then
      vim.cmd("botright copen")
    end
  end)
end

--- Show text in a window of its own.
local function show(name, lines)
  vim.cmd("botright new")
  local buffer = vim.api.nvim_get_current_buf()
  vim.bo[buffer].buftype, vim.bo[buffer].bufhidden, vim.bo[buffer].swapfile = "nofile", "wipe", false
  pcall(vim.api.nvim_buf_set_name, buffer, "sc-attrib://" .. name)
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, lines)
  vim.bo[buffer].modifiable = false
end

--- Report where accepted suggestions are now, and what still binds them.
local function ledger()
  run({ "ledger", "report" }, function(stdout)
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

--- Open the archive's page of the source at the cursor.
local function source()
  local line = vim.api.nvim_win_get_cursor(0)[1] - 1
  for _, mark in ipairs(vim.diagnostic.get(0)) do
    local lsp = mark.user_data and mark.user_data.lsp or {}
    local description = lsp.codeDescription
    if mark.source == "sc-attrib" and description and mark.lnum <= line and line <= (mark.end_lnum or mark.lnum) then
      if vim.ui.open then
        vim.ui.open(description.href)
      end
      vim.api.nvim_echo({ { description.href } }, true, {})
      return
    end
  end
  say.say("no known code is marked at the cursor")
end

M.words = { check = check, ledger = ledger, log = log, restart = client.restart, source = source, status = status }

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
