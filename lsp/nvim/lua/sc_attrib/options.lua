--- What can be set, and what is set.
local M = {}

local defaults = {
  --- How the server is started; the first word runs |:ScAttrib| commands as well.
  cmd = { "sc-attrib", "lsp" },
  filetypes = {
    "c", "cpp", "cs", "css", "go", "html", "java", "javascript", "javascriptreact", "kotlin", "lua", "php",
    "python", "ruby", "rust", "scala", "sh", "swift", "typescript", "typescriptreact",
  },
  root_markers = { ".sc-attrib.toml", ".sc-attrib", ".git", "pyproject.toml", "package.json", "Cargo.toml", "go.mod" },
  --- Those of the server: docs/lsp.md.
  settings = {},
  --- Show a line with the source of a suggestion before it is accepted.
  provenance = true,
  --- Keys of insert mode; false for none.
  keys = { accept = "<Tab>", accept_word = "<M-Right>", suggest = "<M-\\>", next = "<M-]>", previous = "<M-[>" },
  --- How often in three minutes a server that died is started again.
  restarts = 5,
}

M.current = vim.deepcopy(defaults)

--- Lay options over |g:sc_attrib|, and both over the defaults.
---@return string[] what is wrong with them; such keep their default
function M.take(given)
  local problems, fit = {}, {}
  for name, value in pairs(vim.tbl_deep_extend("force", vim.g.sc_attrib or {}, given)) do
    if defaults[name] == nil then
      table.insert(problems, ("setup() has no option %q; :help sc_attrib-options lists them"):format(name))
    elseif type(value) ~= type(defaults[name]) and not (name == "keys" and value == false) then
      table.insert(problems, ("option %q must be a %s; its default is used"):format(name, type(defaults[name])))
    else
      fit[name] = value
    end
  end
  local keys = fit.keys
  fit.keys = nil
  M.current = vim.tbl_extend("force", vim.deepcopy(defaults), fit)
  M.current.keys = keys == false and {} or vim.tbl_extend("force", M.current.keys, keys or {})
  return problems
end

return M
