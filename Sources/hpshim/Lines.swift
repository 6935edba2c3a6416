import CHeroShim

/// One of the service's two outputs: the pipe, and what of it is not a whole line yet.
struct Stream {
    fileprivate(set) var descriptor: Int32
    fileprivate let name: StaticString
    fileprivate let held: UnsafeMutablePointer<CChar>
    fileprivate var heldCount = 0
    /// Whether the pipe has been widened, or could not be.
    fileprivate var isWide = false

    init(_ descriptor: Int32, name: StaticString, held: UnsafeMutablePointer<CChar>) {
        self.descriptor = descriptor
        self.name = name
        self.held = held
    }

    /// Gives up the pipe.
    mutating func close() {
        shim_close(descriptor)
        descriptor = -1
    }
}

/// Turns what the service writes into lines of its log: stamped, in order, the bytes as they are.
///
/// One read, one reading of the clock, one write. A line longer than `SHIM_LINE_BOUND` is stored in parts tagged `P`; an
/// unfinished one is held back until its end arrives or its stream ends, so a program that writes byte by byte still
/// gets whole lines.
struct Lines {
    private static let bound = Int(SHIM_LINE_BOUND)
    private static let inputSize = Int(SHIM_INPUT_SIZE)
    private static let outputSize = Int(SHIM_OUTPUT_SIZE)
    /// What a pipe holds unless it was widened; a read of this much means that the service is faster than we are.
    private static let plainPipe = 65536

    private let input = shim_input()
    private let output = shim_output()
    private var used = 0
    private var stamp = Stamp(at: shim_keep(Stamp.length))
    /// Whether static memory holds pages that output was copied through.
    private(set) var isSwollen = false

    /// Moves what is in the pipe now, at most one buffer of it, to the log.
    ///
    /// Answers the number of bytes; at the end of the stream the pipe is closed and its last, unfinished line stored.
    mutating func move(_ stream: inout Stream, to log: inout Sink) -> Int {
        guard stream.descriptor >= 0 else { return 0 }
        let count = shim_read(stream.descriptor, input, Lines.inputSize)
        if count == -Int(SHIM_EAGAIN) || count == -Int(SHIM_EINTR) { return 0 }
        guard count > 0 else {
            finish(&stream, to: &log)
            return 0
        }
        if count >= Lines.plainPipe, !stream.isWide {
            // Only now: the kernel's part of a wide pipe costs every job memory, also one that never says a word.
            shim_widen_pipe(stream.descriptor)
            stream.isWide = true
        }
        isSwollen = true
        store(input, count, of: &stream, to: &log)
        return count
    }

    /// Takes all that is in the pipes now, however long the log takes, and says what is missing in the log.
    ///
    /// No more than that, and never up to their end (SH-11): a stranger may hold them, and write, for ever.
    mutating func finish(_ output: inout Stream, _ error: inout Stream, to log: inout Sink) {
        drain(&output, to: &log)
        drain(&error, to: &log)
        finish(&output, to: &log)
        finish(&error, to: &log)
        log.end()
    }

    /// Stores a line of our own, of at most `SHIM_LINE_BOUND` bytes, among those of standard error.
    mutating func note(_ text: StaticString, to log: inout Sink) {
        let now = shim_realtime()
        stamp.set(now, stream: "stderr")
        text.withUTF8Buffer { source in
            for index in 0..<source.count { input[index] = CChar(truncatingIfNeeded: source[index]) }
        }
        put(input, text.utf8CodeUnitCount, isFull: true, to: &log, at: now)
        flush(to: &log, at: now)
    }

    private mutating func drain(_ stream: inout Stream, to log: inout Sink) {
        var left = stream.descriptor < 0 ? 0 : shim_pending(stream.descriptor)
        while left > 0, case let count = move(&stream, to: &log), count > 0 { left -= count }
    }

    /// Stores the unfinished line and closes the pipe.
    private mutating func finish(_ stream: inout Stream, to log: inout Sink) {
        if stream.heldCount > 0 {
            let now = shim_realtime()
            stamp.set(now, stream: stream.name)
            put(stream.held, stream.heldCount, isFull: false, to: &log, at: now)
            stream.heldCount = 0
            flush(to: &log, at: now)
        }
        stream.close()
    }

    /// Gives the memory of a burst back.
    mutating func shrink() {
        isSwollen = false
        shim_rest_memory()
    }

    private mutating func store(
        _ bytes: UnsafeMutablePointer<CChar>,
        _ count: Int,
        of stream: inout Stream,
        to log: inout Sink
    ) {
        var from = UnsafePointer(bytes)
        let end = from + count
        var newline = shim_first_newline(from, count)
        if newline == nil, stream.heldCount + count <= Lines.bound {
            shim_copy(stream.held + stream.heldCount, from, count)
            stream.heldCount += count
            return
        }
        let now = shim_realtime()
        stamp.set(now, stream: stream.name)
        // What was held goes in front of what was read: there is room for it.
        from -= stream.heldCount
        shim_copy(bytes - stream.heldCount, stream.held, stream.heldCount)
        stream.heldCount = 0
        while let last = newline {
            while last - from > Lines.bound { from = putPart(from, to: &log, at: now) }
            put(from, last - from, isFull: true, to: &log, at: now)
            from = last + 1
            newline = shim_first_newline(from, end - from)
        }
        while end - from > Lines.bound { from = putPart(from, to: &log, at: now) }
        stream.heldCount = end - from
        shim_copy(stream.held, from, stream.heldCount)
        flush(to: &log, at: now)
    }

    private mutating func putPart(
        _ from: UnsafePointer<CChar>,
        to log: inout Sink,
        at now: Int64
    ) -> UnsafePointer<CChar> {
        put(from, Lines.bound, isFull: false, to: &log, at: now)
        return from + Lines.bound
    }

    @inline(__always)
    private mutating func put(
        _ line: UnsafePointer<CChar>,
        _ count: Int,
        isFull: Bool,
        to log: inout Sink,
        at now: Int64
    ) {
        if used + Stamp.length + count + 1 > Lines.outputSize { flush(to: &log, at: now) }
        let target = output + used
        stamp.copy(to: target, isFull: isFull)
        shim_copy(target + Stamp.length, line, count)
        target[Stamp.length + count] = 0x0a
        used += Stamp.length + count + 1
    }

    private mutating func flush(to log: inout Sink, at now: Int64) {
        if used > 0 { log.append(output, used, at: now) }
        used = 0
    }
}
