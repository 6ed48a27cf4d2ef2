--- Before Neovim 0.12: suggestions in the completion menu, on CTRL-X CTRL-U or a key of one's own.
---
--- The menu shows where each comes from; nothing is put into the file before it is chosen.
local say = require("sc_attrib.say")

local M = {}

local METHOD = "textDocument/completion"
local options_before = nil -- 'completeopt' as the user has it

local function request(...)
  require("sc_attrib.client").request(...)
end

--- One entry of the menu for an item of the server's.
local function entry(item, client)
  return {
    word = item.label,
    abbr = item.label,
    menu = item.detail,
    info = type(item.documentation) == "table" and item.documentation.value or item.documentation,
    icase = 1,
    dup = 1,
    empty = 1,
    user_data = { sc_attrib = { item = item, client = client.id } },
  }
end

--- Show the items, unless the cursor has moved on; without taking one at once, as a lone one would be.
local function show(items, client, asked_at)
  local here = vim.api.nvim_win_get_cursor(0)
  if vim.api.nvim_get_mode().mode:sub(1, 1) ~= "i" or here[1] ~= asked_at[1] or here[2] ~= asked_at[2] then
    return
  end
  if #items == 0 then
    return
  end
  options_before = options_before or vim.o.completeopt
  vim.o.completeopt = "menuone,noinsert,preview"
  local start = items[1].textEdit.range.start
  local line = vim.api.nvim_get_current_line()
  local column = vim.str_byteindex(line, start.character, client.offset_encoding == "utf-16") + 1
  vim.fn.complete(column, vim.tbl_map(function(item)
    return entry(item, client)
  end, items))
end

function M.suggest()
  local buffer = vim.api.nvim_get_current_buf()
  local client = require("sc_attrib.client").of(buffer)
  if not client then
    return
  end
  local asked_at = vim.api.nvim_win_get_cursor(0)
  local params = vim.lsp.util.make_position_params(0, client.offset_encoding)
  request(client, METHOD, params, function(err, result)
    if not err and result then
      show(result.items or result, client, asked_at)
    end
  end, buffer)
end

--- For 'completefunc': asks, and shows the menu when the answer is there.
function M.completefunc(is_start)
  if is_start == 1 then
    M.suggest()
    return -3
  end
  return {}
end

--- Put the whole of what was chosen where its first line stands, and tell the server.
local function take(chosen)
  local client = vim.lsp.get_client_by_id(chosen.client)
  local edit, cursor = chosen.item.textEdit, vim.api.nvim_win_get_cursor(0)
  local row = cursor[1] - 1
  local line = vim.api.nvim_get_current_line()
  local first = client and vim.str_byteindex(line, edit.range.start.character, client.offset_encoding == "utf-16")
  if not client or row ~= edit.range.start.line or line:sub(first + 1, cursor[2]) ~= chosen.item.label then
    return
  end
  local lines = vim.split(edit.newText, "\n")
  vim.api.nvim_buf_set_text(0, row, first, row, cursor[2], lines)
  local last = #lines == 1 and first + #lines[1] or #lines[#lines]
  vim.api.nvim_win_set_cursor(0, { row + #lines, last })
  request(client, "workspace/executeCommand", {
    command = chosen.item.command.command,
    arguments = chosen.item.command.arguments,
  }, function() end, 0)
end

local function on_complete_done()
  if options_before then
    vim.o.completeopt = options_before
    options_before = nil
  end
  local data = vim.v.completed_item.user_data
  if type(data) == "table" and data.sc_attrib then
    vim.schedule(function()
      take(data.sc_attrib)
    end)
  end
end

function M.attach(_, buffer)
  if vim.bo[buffer].completefunc == "" then
    vim.bo[buffer].completefunc = "v:lua.require'sc_attrib.menu'.completefunc"
  end
  local group = vim.api.nvim_create_augroup(("sc_attrib.menu.%d"):format(buffer), {})
  vim.api.nvim_create_autocmd("CompleteDone", { group = group, buffer = buffer, callback = on_complete_done })
  vim.api.nvim_create_autocmd({ "CursorMovedI", "InsertLeave" }, {
    group = group,
    buffer = buffer,
    callback = function()
      say.clear_withheld(buffer)
    end,
  })
end

--- Whether the menu shows suggestions of ours, with one of them chosen.
local function is_shown()
  if vim.fn.pumvisible() == 0 then
    return false
  end
  local info = vim.fn.complete_info({ "selected", "items" })
  local chosen = info.items[info.selected + 1]
  return chosen ~= nil and type(chosen.user_data) == "table" and chosen.user_data.sc_attrib ~= nil
end

local function press(keys)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, false, true), "n", false)
end

--- The menu takes an entry as a whole.
function M.accept(part)
  if part or not is_shown() then
    return false
  end
  press("<C-y>")
  return true
end

function M.next(count)
  if is_shown() then
    press((count > 0 and "<C-n>" or "<C-p>"):rep(math.abs(count)))
  end
end

function M.dismiss()
  local was_shown = is_shown()
  if was_shown then
    press("<C-e>")
  end
  return was_shown
end

M.show_withheld = say.withheld

return M
