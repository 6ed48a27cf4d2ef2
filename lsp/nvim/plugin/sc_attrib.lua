-- Defines :ScAttrib; nothing is started until require("sc_attrib").setup() is called.
if vim.g.loaded_sc_attrib then
  return
end
vim.g.loaded_sc_attrib = true

vim.api.nvim_create_user_command("ScAttrib", function(call)
  require("sc_attrib.commands").run(call.fargs)
end, {
  nargs = "*",
  desc = "sc-attrib: check files, report what was accepted, see to the server",
  complete = function(typed, line)
    return require("sc_attrib.commands").complete(typed, line)
  end,
})
