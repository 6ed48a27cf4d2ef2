--- Suggestions: ghost text where Neovim has it (0.12), a menu where it has not.
local M = {}

--- Whether this Neovim shows inline completion.
function M.is_inline()
  return vim.lsp.inline_completion ~= nil
end

local function way()
  return M.is_inline() and require("sc_attrib.ghost") or require("sc_attrib.menu")
end

--- Show suggestions in all files of the server.
function M.enable()
  if M.is_inline() then
    require("sc_attrib.ghost").enable()
  end
end

local function map(buffer, key, what, run)
  if key then
    vim.keymap.set("i", key, run, { buffer = buffer, expr = true, desc = "sc-attrib: " .. what })
  end
end

--- What a key means where it means nothing to us.
local function otherwise(key)
  if key == "<Tab>" and vim.snippet and vim.snippet.active({ direction = 1 }) then
    return "<Cmd>lua vim.snippet.jump(1)<CR>"
  end
  return key
end

--- Set a buffer's keys, and what else its suggestions need.
function M.attach(client, buffer)
  local keys = require("sc_attrib.options").current.keys
  way().attach(client, buffer)
  map(buffer, keys.accept, "take the suggestion", function()
    return M.accept() and "" or otherwise(keys.accept)
  end)
  map(buffer, keys.accept_word, "take a word of the suggestion", function()
    return M.accept("word") and "" or otherwise(keys.accept_word)
  end)
  map(buffer, keys.suggest, "suggest now", function()
    M.suggest()
    return ""
  end)
  map(buffer, keys.next, "next suggestion", function()
    M.next(1)
    return ""
  end)
  map(buffer, keys.previous, "previous suggestion", function()
    M.next(-1)
    return ""
  end)
end

function M.accept(part)
  return way().accept(part)
end

function M.suggest()
  vim.schedule(way().suggest)
end

function M.next(count)
  vim.schedule(function()
    way().next(count)
  end)
end

function M.dismiss()
  return way().dismiss()
end

--- Say at the cursor why nothing is suggested there.
function M.show_withheld(withheld)
  way().show_withheld(withheld)
end

--- One line about a suggestion's source: the title of its accept command, and what the policy says of it.
function M.headline(command)
  local provenance = type(command.arguments) == "table" and command.arguments[1] or {}
  local known = type(provenance.matches) == "table" and #provenance.matches > 0
  if not known then
    return "· " .. command.title
  end
  return ("≈ %s · %s"):format(command.title, provenance.verdict)
end

return M
