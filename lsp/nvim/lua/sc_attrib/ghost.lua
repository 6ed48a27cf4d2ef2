--- Neovim 0.12 and later: a line under Neovim's own ghost text that says where it comes from.
---
--- Neovim keeps to itself which suggestion it shows. So answers are read as they pass, and the one that is shown is
--- recognised by its text in Neovim's own extmark; whenever a window is drawn anew the line follows that mark.
local options = require("sc_attrib.options")
local say = require("sc_attrib.say")

local M = {}

local METHOD = "textDocument/inlineCompletion"
local INVOKED = 1 -- InlineCompletionTriggerKind
local inline = vim.lsp.inline_completion -- of marks at one place those of the older namespace, theirs, are drawn first
local namespace = vim.api.nvim_create_namespace("sc_attrib.provenance")

local answers = {} -- items of the last answer, by buffer
local drawn = {} -- what our line belongs to, by buffer
local told = {} -- ids of suggestions that the server knows to be shown
local watched = {} -- ids of clients
local is_asked_for = false -- whether the next request is the user's own

--- What Neovim shows as ghost text: its extmark and its text; nil if it shows none.
local function shown(buffer)
  local theirs = vim.api.nvim_get_namespaces()["nvim.lsp.inline_completion"]
  local mark = theirs and vim.api.nvim_buf_get_extmarks(buffer, theirs, 0, -1, { details = true, limit = 1 })[1]
  if not mark then
    return nil
  end
  local lines = { mark[4].virt_text or {} }
  vim.list_extend(lines, mark[4].virt_lines or {})
  local texts = vim.tbl_map(function(chunks)
    local text = ""
    for _, chunk in ipairs(chunks) do
      local count = chunk[2] == "ComplHintMore" -- " (1/3)"
      text = text .. (count and "" or chunk[1])
    end
    return text
  end, lines)
  return { row = mark[2], column = mark[3], text = table.concat(texts, "\n") }
end

--- The item of a buffer's last answer that ends as the ghost text does.
local function item_of(buffer, text)
  for _, item in ipairs(text ~= "" and answers[buffer] or {}) do
    local insert = type(item.insertText) == "table" and item.insertText.value or item.insertText
    if vim.endswith(insert, text) and item.command then
      return item
    end
  end
end

local function tell_shown(buffer, item)
  local provenance = item.command.arguments and item.command.arguments[1] or {}
  local client = require("sc_attrib.client").of(buffer)
  if client and provenance.id and not told[provenance.id] then
    told[provenance.id] = true
    client:notify("textDocument/didShowCompletion", { item = item })
  end
end

--- What our line should belong to now.
local function wanted(buffer)
  local ghost = shown(buffer)
  local item = ghost and item_of(buffer, ghost.text)
  if not item or not options.current.provenance then
    return nil, ""
  end
  return item, ("%d %d %s %s"):format(ghost.row, ghost.column, ghost.text, item.command.title), ghost
end

--- Bring our line to where the ghost text is, or take it away.
local function refresh(buffer)
  if not vim.api.nvim_buf_is_valid(buffer) then
    return
  end
  local item, key, ghost = wanted(buffer)
  if drawn[buffer] == key then
    return
  end
  drawn[buffer] = key
  vim.api.nvim_buf_clear_namespace(buffer, namespace, 0, -1)
  if item then
    local headline = require("sc_attrib.suggestion").headline(item.command)
    vim.api.nvim_buf_set_extmark(buffer, namespace, ghost.row, ghost.column, {
      virt_lines = say.virtual_lines("└ " .. headline, "ScAttribProvenance"),
    })
    tell_shown(buffer, item)
  end
end

--- Read the answers that a client gets, and make the user's own request one.
local function watch(client)
  if watched[client.id] then
    return
  end
  watched[client.id] = true
  local request = client.request
  client.request = function(self, method, params, handler, buffer)
    if method ~= METHOD then
      return request(self, method, params, handler, buffer)
    end
    if is_asked_for then
      params.context.triggerKind = INVOKED
      is_asked_for = false
    end
    return request(self, method, params, function(err, result, context, ...)
      local at = context.bufnr or buffer
      answers[at] = result and (result.items or result) or {}
      handler(err, result, context, ...)
      refresh(at)
    end, buffer)
  end
end

function M.enable()
  inline.enable(true)
  vim.api.nvim_set_decoration_provider(namespace, {
    on_win = function(_, _, buffer)
      local _, key = wanted(buffer)
      if (drawn[buffer] or "") ~= key then
        vim.schedule(function()
          refresh(buffer)
        end)
      end
      return false
    end,
  })
end

--- An item as it fits the text now: without what was typed of it since it came; nil where something else was typed.
local function fitting(item, buffer)
  local range = item.range
  if not range or not range:is_empty() or type(item.insert_text) ~= "string" then
    return item
  end
  local row, column = range:to_extmark()
  local cursor = vim.api.nvim_win_get_cursor(0)
  if cursor[1] - 1 ~= row or cursor[2] < column then
    return nil
  end
  local typed = vim.api.nvim_get_current_line():sub(column + 1, cursor[2])
  if not vim.startswith(item.insert_text, typed) then
    return nil
  end
  local client = vim.lsp.get_client_by_id(item.client_id)
  local here = vim.lsp.util.make_position_params(0, client.offset_encoding).position
  item.insert_text = item.insert_text:sub(#typed + 1)
  item.range = vim.range.lsp(buffer, { start = here, ["end"] = here }, client.offset_encoding)
  return item
end

--- The beginning of a text up to the end of its first word or line.
local function beginning(text, part)
  if part == "line" then
    return text:match("^\n?[^\n]*")
  end
  return text:match("^%s*[%w_]+") or text:match("^%s*[^%w_%s]+") or text
end

--- Cut an item to a part of it, and tell the server how much of it is in the file then.
local function cut(item, part, buffer)
  local whole = item_of(buffer, item.insert_text)
  local taken = beginning(item.insert_text, part)
  if #taken == #item.insert_text or not whole then
    return item
  end
  local before = #whole.insertText - #item.insert_text
  local length = vim.str_utfindex(whole.insertText:sub(1, before + #taken), "utf-16")
  local client = vim.lsp.get_client_by_id(item.client_id)
  vim.schedule(function()
    client:notify("textDocument/didPartiallyAcceptCompletion", { item = whole, acceptedLength = length })
  end)
  item.insert_text, item.command = taken, nil
  return item
end

function M.accept(part)
  local buffer = vim.api.nvim_get_current_buf()
  return inline.get({
    on_accept = function(item)
      local fits = fitting(item, buffer)
      return fits and part and cut(fits, part, buffer) or fits
    end,
  })
end

--- Neovim asks when the cursor moves; that is how it is made to ask now.
local function ask()
  vim.api.nvim_exec_autocmds("CursorMovedI", { buffer = vim.api.nvim_get_current_buf(), modeline = false })
end

function M.attach(client, buffer)
  watch(client)
  vim.schedule(function()
    vim.schedule(function() -- Neovim makes the buffer ready for suggestions first
      if buffer == vim.api.nvim_get_current_buf() and vim.startswith(vim.api.nvim_get_mode().mode, "i") then
        ask() -- somebody began to type before the server was there
      end
    end)
  end)
  local group = vim.api.nvim_create_augroup(("sc_attrib.ghost.%d"):format(buffer), {})
  vim.api.nvim_create_autocmd({ "CursorMovedI", "InsertLeave" }, {
    group = group,
    buffer = buffer,
    callback = function()
      say.clear_withheld(buffer)
      refresh(buffer)
    end,
  })
end

function M.suggest()
  is_asked_for = true
  ask()
end

function M.next(count)
  inline.select({ count = count })
  refresh(vim.api.nvim_get_current_buf())
end

function M.dismiss()
  return inline.get({
    on_accept = function()
      return nil
    end,
  })
end

function M.show_withheld(withheld)
  if vim.startswith(vim.api.nvim_get_mode().mode, "i") then
    say.withheld(withheld)
  end
end

return M
