//! The conformance handler in Zig (docs/conformance-handler.md), for aws-lambda-zig, as an executable.
//!
//! A handler of this library returns bytes, so that it can return nothing that is not serialisable, and it is part of
//! the program: it is loaded when the program starts, before the runtime.
const std = @import("std");
const lambda = @import("aws-lambda");
const Value = std.json.Value;

var counts: std.StringHashMapUnmanaged(i64) = .empty;

pub fn main(init: std.process.Init) void {
    begin(init.environ_map.get("CONFORMANCE_INIT") orelse "") catch |failure| @panic(@errorName(failure));
    lambda.handle(init, handler, .{});
}

fn begin(given: []const u8) !void {
    const colon = std.mem.indexOfScalar(u8, given, ':') orelse return;
    const text = given[colon + 1 ..];
    if (std.mem.startsWith(u8, given, "raise:")) @panic(text);
    if (std.mem.startsWith(u8, given, "exit:")) std.process.exit(try std.fmt.parseInt(u8, text, 10));
    if (std.mem.startsWith(u8, given, "print:")) tell(1, text);
}

fn tell(descriptor: i32, text: []const u8) void {
    for ([_][]const u8{ text, "\n" }) |part| {
        var left = part;
        while (left.len > 0) left = left[std.os.linux.write(descriptor, left.ptr, left.len)..];
    }
}

fn handler(context: lambda.Context, event: []const u8) ![]const u8 {
    const parsed = std.json.parseFromSliceLeaky(Value, context.arena, event, .{}) catch return event;
    if (parsed != .object) return event;
    const word = parsed.object.get("do") orelse return event;
    const answer = try obey(context, word.string, parsed.object);
    return std.json.Stringify.valueAlloc(context.arena, answer, .{});
}

fn obey(context: lambda.Context, word: []const u8, event: std.json.ObjectMap) !Value {
    const Word = enum { echo, raise, exit, sleep, env, context, print, state, size };
    switch (std.meta.stringToEnum(Word, word) orelse return object(context, "unsupported", .{ .string = word })) {
        .echo => return event.get("value").?,
        .raise => return error.ConformanceError,
        .exit => std.process.exit(@intCast(event.get("code").?.integer)),
        .sleep => {
            const ms = event.get("ms").?.integer;
            try std.Io.sleep(context.io, .fromMilliseconds(ms), .awake);
            return object(context, "slept", .{ .integer = ms });
        },
        .env => return variables(context, event.get("names").?.array.items),
        .context => return about(context),
        .print => {
            const text = event.get("text").?;
            const to = event.get("to") orelse Value{ .string = "stdout" };
            tell(if (std.mem.eql(u8, to.string, "stderr")) 2 else 1, text.string);
            return object(context, "printed", text);
        },
        .state => return count(context, event.get("key").?.string),
        .size => {
            const letters = try context.arena.alloc(u8, @intCast(event.get("bytes").?.integer));
            @memset(letters, 'x');
            return .{ .string = letters };
        },
    }
}

fn object(context: lambda.Context, key: []const u8, value: Value) !Value {
    var result: std.json.ObjectMap = .empty;
    try result.put(context.arena, key, value);
    return .{ .object = result };
}

fn variables(context: lambda.Context, names: []const Value) !Value {
    var result: std.json.ObjectMap = .empty;
    for (names) |name| {
        const value = context.env(name.string);
        try result.put(context.arena, name.string, if (value) |text| .{ .string = text } else .null);
    }
    return .{ .object = result };
}

fn count(context: lambda.Context, key: []const u8) !Value {
    const place = try counts.getOrPut(context.gpa, key);
    if (!place.found_existing) {
        place.key_ptr.* = try context.gpa.dupe(u8, key);
        place.value_ptr.* = 0;
    }
    place.value_ptr.* += 1;
    return object(context, "count", .{ .integer = place.value_ptr.* });
}

fn about(context: lambda.Context) !Value {
    const request = context.request;
    const config = context.config;
    const now = std.Io.Clock.real.now(context.io).toMilliseconds();
    var unsupported: std.json.Array = .init(context.arena);
    try unsupported.append(.{ .string = "tenant_id" });
    const facts = .{
        .{ "unsupported", Value{ .array = unsupported } },
        .{ "request_id", Value{ .string = request.id } },
        .{ "function_arn", Value{ .string = request.invoked_arn } },
        .{ "function_name", Value{ .string = config.func_name } },
        .{ "function_version", Value{ .string = config.func_version } },
        .{ "memory_mb", Value{ .integer = config.func_size } },
        .{ "log_group", Value{ .string = config.log_group } },
        .{ "log_stream", Value{ .string = config.log_stream } },
        .{ "remaining_ms", Value{ .integer = @as(i64, @intCast(request.deadline_ms)) - now } },
        .{ "trace_id", Value{ .string = request.xray_trace } },
        .{ "client_title", member(context, request.client_context, &.{ "client", "app_title" }) },
        .{ "identity_id", member(context, request.cognito_identity, &.{"cognitoIdentityId"}) },
    };
    var result: std.json.ObjectMap = .empty;
    inline for (facts) |fact| try result.put(context.arena, fact[0], fact[1]);
    return .{ .object = result };
}

/// What a JSON text has at this place; null when it has nothing there.
fn member(context: lambda.Context, text: []const u8, path: []const []const u8) Value {
    var value = std.json.parseFromSliceLeaky(Value, context.arena, text, .{}) catch return .null;
    for (path) |name| {
        if (value != .object) return .null;
        value = value.object.get(name) orelse return .null;
    }
    return value;
}
