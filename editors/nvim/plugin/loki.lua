-- lokid in Neovim (0.7 or newer). See docs/editors.md.
--
--   :[range]LokiAsk [client:model] {question}    the answer streams into a split; the lines of the range go along
--   :[range]LokiAsk! [client:model] {question}   the answer streams into this buffer, below the line or range
--   :LokiCancel                                  ends what runs; closing the split does it too
--
--   vim.g.loki_model     model to ask when none is named; without it lokid's default
--   vim.g.loki_lokictl   how to call lokictl, to start the daemon; false: it is not started from here
--
-- It talks MessagePack-RPC with vim.mpack over the socket itself (docs/rpc.md): a channel of Neovim's own
-- (sockconnect) hands no foreign notifications, and so no streamed text, to Lua.

if vim.g.loaded_loki or vim.fn.has("nvim-0.7") == 0 then return end
vim.g.loaded_loki = true

local uv, mpack = vim.loop, vim.mpack
local namespace = vim.api.nvim_create_namespace("loki")
local HELLO, REQUEST = 0, 1 -- message ids; a connection carries one request
local running = {} -- what may be cancelled

local function socket()
  local function env(name) return os.getenv(name) ~= "" and os.getenv(name) or nil end
  local directory = env("XDG_RUNTIME_DIR")
  local state = env("XDG_STATE_HOME") or vim.fn.expand("~/.local/state")
  return env("LOKID_SOCK") or (directory and directory .. "/lokid/rpc.sock") or state .. "/lokid/run/rpc.sock"
end

-- Starts lokid, then calls done(nil), or done(error) if that cannot be.
local function start(done)
  local program = vim.g.loki_lokictl == nil and "lokictl" or vim.g.loki_lokictl
  local absent = { code = "daemon_unavailable", message = "lokid is not running", hint = "lokictl daemon start" }
  if not program then return done(absent) end
  if vim.fn.executable(program) == 0 then
    absent.message = "lokid is not running, and there is no program " .. program .. " to start it"
    absent.hint = "install lokid, or let g:loki_lokictl name its lokictl"
    return done(absent)
  end
  local said = {}
  vim.fn.jobstart({ program, "daemon", "start" }, {
    stderr_buffered = true,
    on_stderr = function(_, lines) said = lines end,
    on_exit = function(_, status)
      if status == 0 then return done(nil) end
      local why = said[1] and said[1] ~= "" and said[1]:gsub("^lokictl: ", "") or "status " .. status
      done({ code = "daemon_unavailable", message = "lokid could not be started: " .. why, hint = "lokictl doctor" })
    end,
  })
end

-- One request. on.text(text), then on.done(error, result); error is a map {code, message, hint?}. Both are
-- called in the main loop, in order. Returns a function that cancels, and may be told why.
local function request(method, params, on)
  local pipe, unpack, finished = uv.new_pipe(false), mpack.Unpacker(), false
  local accepted, again = false, false
  local connect
  local function finish(err, result)
    if finished then return end
    finished = true
    if not pipe:is_closing() then pipe:close() end
    vim.schedule(function() on.done(err, result) end)
  end
  local function read(err, data)
    if err or not data then
      if not accepted and not again and not finished then
        -- Nothing has left for a provider yet: lokid was restarted under us, and is asked once more.
        again = true
        return vim.schedule(function() connect(not on.no_start) end)
      end
      return finish({ code = "incomplete_response", message = "the connection to lokid was lost" })
    end
    local text, at = {}, 1
    while at <= #data and not finished do
      local ok, message, after = pcall(unpack, data, at)
      if not ok then return finish({ code = "daemon_unavailable", message = "what answers is not lokid" }) end
      if message == nil then break end -- the rest of it comes with the next read
      at = after
      if message[1] == 2 then accepted = true end
      if message[1] == 2 and message[2] == "chat.event" and message[3][2].type == "text" then
        table.insert(text, message[3][2].text)
      elseif message[1] == 1 and message[2] == REQUEST then
        local pieces = table.concat(text)
        if pieces ~= "" then vim.schedule(function() on.text(pieces) end) end
        local failed = message[3] ~= nil and message[3] ~= vim.NIL
        return finish(failed and message[3] or nil, message[4])
      end
    end
    local pieces = table.concat(text)
    if pieces ~= "" then vim.schedule(function() on.text(pieces) end) end
  end
  connect = function(may_start)
    if finished then return end
    if not pipe:is_closing() then pipe:close() end
    pipe, unpack = uv.new_pipe(false), mpack.Unpacker()
    pipe:connect(socket(), vim.schedule_wrap(function(err)
      if finished then return end
      if not err then
        local hello = { client = "nvim", errors = "map", accepted = true }
        pipe:write(mpack.encode({ 0, HELLO, "hello", { hello } }) .. mpack.encode({ 0, REQUEST, method, { params } }))
        return pipe:read_start(read)
      end
      if not may_start then
        return finish({ code = "daemon_unavailable", message = "lokid is not running", hint = "lokictl daemon start" })
      end
      start(function(problem)
        if problem then return finish(problem) end
        connect(false)
      end)
    end))
  end
  connect(not on.no_start)
  return function(why)
    if finished then return end
    if not pipe:is_closing() and pipe:is_writable() then pipe:try_write(mpack.encode({ 2, "cancel", { REQUEST } })) end
    finish({ code = "cancelled", message = why or "cancelled" })
  end
end

-- finish_reason of an answer that is not all there could be -> what to say of it.
local CUT = {
  length = "the answer stops at the limit of tokens",
  content_filter = "the provider's filter cut the answer",
  refusal = "the model refused to answer",
  context_overflow = "the answer stops because the model's context is full",
  pause = "the provider paused the answer",
  tool_calls = "the model called a tool instead of answering",
}

local GONE = "cancelled, as the place of the answer is gone"

-- Where text goes: a place in a buffer that stays right while the buffer is edited elsewhere. The first function
-- inserts, and returns whether it could: its line, or what came last, may have been undone or deleted.
local function inserter(buffer, row, column)
  local waiting = { { " asking...", "Comment" } }
  local function set(at, more) return vim.api.nvim_buf_set_extmark(buffer, namespace, at[1], at[2], more) end
  local mark = set({ row, column }, { virt_text = waiting })
  local start = { right_gravity = false } -- of the last line of what came last
  local line = set({ row, 0 }, { end_row = row + 1, end_col = 0, right_gravity = false, end_right_gravity = false })
  local tick = nil -- the buffer's changedtick after the last piece
  local function place(id) return vim.api.nvim_buf_get_extmark_by_id(buffer, namespace, id, {}) end
  local function is_gone(at)
    local first = vim.api.nvim_buf_get_extmark_by_id(buffer, namespace, line, { details = true })
    if first[1] == first[3].end_row and first[2] == first[3].end_col then return true end
    local last = start.id and place(start.id)
    return last and last[1] == at[1] and last[2] == at[2]
  end
  return function(text)
    if not vim.api.nvim_buf_is_valid(buffer) then return false end
    local lines = vim.split(text:gsub("\r", ""), "\n")
    local last = lines[#lines]
    if #lines == 1 and last == "" then return true end
    local at = place(mark)
    if is_gone(at) then return false end
    local inserted = vim.api.nvim_buf_call(buffer, function()
      -- One u takes the whole answer back, and nothing else.
      if tick == vim.api.nvim_buf_get_changedtick(buffer) then pcall(vim.cmd, "silent undojoin") end
      return pcall(vim.api.nvim_buf_set_text, buffer, at[1], at[2], at[1], at[2], lines)
    end)
    if not inserted then return false end
    local ends = place(mark)
    if not tick then set(ends, { id = mark }) end
    start.id = set(last == "" and at or { ends[1], ends[2] - #last }, start)
    tick = vim.api.nvim_buf_get_changedtick(buffer)
    return true
  end, function()
    if not vim.api.nvim_buf_is_valid(buffer) then return end
    for _, id in pairs({ mark, line, start.id }) do
      vim.api.nvim_buf_del_extmark(buffer, namespace, id)
    end
  end
end

local function split()
  vim.cmd("botright new")
  local buffer = vim.api.nvim_get_current_buf()
  for name, value in pairs({ buftype = "nofile", bufhidden = "wipe", swapfile = false, filetype = "markdown" }) do
    vim.api.nvim_buf_set_option(buffer, name, value)
  end
  vim.api.nvim_win_set_option(0, "wrap", true)
  vim.api.nvim_win_set_option(0, "linebreak", true)
  return buffer
end

local function ask(command)
  local model, question = command.args:match("^([%w._-]+:%S+)%s*(.*)$")
  question = question or command.args
  local buffer = vim.api.nvim_get_current_buf()
  if command.range > 0 then
    local lines = vim.api.nvim_buf_get_lines(buffer, command.line1 - 1, command.line2, false)
    question = question .. (question ~= "" and "\n\n" or "") .. table.concat(lines, "\n")
  end
  if question:match("^%s*$") then return vim.notify("LokiAsk: nothing to ask", vim.log.levels.ERROR) end
  local row = 0
  if command.bang then
    row = command.range > 0 and command.line2 or vim.api.nvim_win_get_cursor(0)[1]
    vim.api.nvim_buf_set_lines(buffer, row, row, false, { "" })
  else
    buffer = split()
  end
  local insert, clear = inserter(buffer, row, 0)
  local streamed, cancel, closes = false, nil, nil
  cancel = request("chat", { model = model or vim.g.loki_model or "", prompt = question, stream = true }, {
    text = function(text)
      streamed = true
      if not insert(text) then cancel(GONE) end
    end,
    done = function(err, result)
      running[cancel] = nil
      if not err and not streamed and not insert(result.text) then err = { code = "cancelled", message = GONE } end
      clear()
      pcall(vim.api.nvim_del_autocmd, closes)
      if err then
        local hint = type(err.hint) == "string" and " (" .. err.hint .. ")" or ""
        local level = err.code == "cancelled" and vim.log.levels.WARN or vim.log.levels.ERROR
        vim.notify("lokid: " .. err.message .. hint, level)
      elseif CUT[result.finish_reason] then
        vim.notify("lokid: " .. CUT[result.finish_reason], vim.log.levels.WARN)
      end
      vim.api.nvim_exec_autocmds("User", { pattern = "LokiDone" })
    end,
  })
  running[cancel] = true
  local function close() cancel() end
  closes = vim.api.nvim_create_autocmd("BufWipeout", { buffer = buffer, once = true, callback = close })
end

-- Names of models for the first word; nothing if the daemon is not there or slow.
local function complete(lead, line, cursor)
  if line:sub(1, cursor):match("LokiAsk!?%s+%S+%s") then return {} end
  local names = nil
  local cancel = request("models.names", { type = "chat", prefix = lead }, {
    no_start = true,
    done = function(err, result) names = err and {} or result end,
  })
  vim.wait(300, function() return names ~= nil end, 5)
  cancel()
  return names or {}
end

vim.api.nvim_create_user_command("LokiAsk", ask, { nargs = "+", bang = true, range = true, complete = complete })
vim.api.nvim_create_user_command("LokiCancel", function()
  for cancel in pairs(running) do cancel() end
end, {})
