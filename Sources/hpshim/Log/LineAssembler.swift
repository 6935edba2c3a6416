import CHeroShim

/// One of the service's two outputs: the pipe, and what of it is not a whole line yet.
struct OutputPipe {
    fileprivate(set) var descriptor: Int32
    fileprivate let streamName: StaticString
    fileprivate let partialLine: UnsafeMutablePointer<CChar>
    fileprivate var partialLineSize = 0
    /// Whether the pipe has been widened, or could not be.
    fileprivate var isWidened = false

    init(_ descriptor: Int32, streamName: StaticString, partialLine: UnsafeMutablePointer<CChar>) {
        self.descriptor = descriptor
        self.streamName = streamName
        self.partialLine = partialLine
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
struct LineAssembler {
    private static let maxLineSize = Int(SHIM_MAX_LINE_SIZE)
    private static let inputSize = Int(SHIM_INPUT_SIZE)
    private static let outputSize = Int(SHIM_OUTPUT_SIZE)
    /// What a pipe holds unless it was widened; a read of this much means that the service is faster than we are.
    private static let defaultPipeSize = 65536

    private let input = shim_input()
    private let output = shim_output()
    private var used = 0
    private var linePrefix = LinePrefix(at: shim_allocate_static(LinePrefix.length))
    /// Whether static memory holds pages that output was copied through.
    private(set) var hasUsedBuffers = false

    /// Moves what is in the pipe now, at most one buffer of it, to the log.
    ///
    /// Answers the number of bytes; at the end of the stream the pipe is closed and its last, unfinished line stored.
    mutating func move(_ stream: inout OutputPipe, to log: inout LogSink) -> Int {
        guard stream.descriptor >= 0 else { return 0 }
        let count = shim_read(stream.descriptor, input, LineAssembler.inputSize)
        if count == -Int(SHIM_EAGAIN) || count == -Int(SHIM_EINTR) { return 0 }
        guard count > 0 else {
            finish(&stream, to: &log)
            return 0
        }
        if count >= LineAssembler.defaultPipeSize, !stream.isWidened {
            // Only now: the kernel's part of a wide pipe costs every job memory, also one that never says a word.
            shim_widen_pipe(stream.descriptor)
            stream.isWidened = true
        }
        hasUsedBuffers = true
        storeInput(input, count, of: &stream, to: &log)
        return count
    }

    /// Takes all that is in the pipes now, however long the log takes, and says what is missing in the log.
    ///
    /// No more than that, and never up to their end (SH-11): a stranger may hold them, and write, for ever.
    mutating func finish(_ output: inout OutputPipe, _ error: inout OutputPipe, to log: inout LogSink) {
        drain(&output, to: &log)
        drain(&error, to: &log)
        finish(&output, to: &log)
        finish(&error, to: &log)
        log.finish()
    }

    /// Stores a line of our own, of at most `SHIM_LINE_BOUND` bytes, among those of standard error.
    mutating func appendMessage(_ text: StaticString, to log: inout LogSink) {
        let now = shim_realtime()
        linePrefix.set(now, stream: "stderr")
        text.withUTF8Buffer { source in
            for index in 0..<source.count { input[index] = CChar(truncatingIfNeeded: source[index]) }
        }
        appendLine(input, text.utf8CodeUnitCount, isFull: true, to: &log, at: now)
        flush(to: &log, at: now)
    }

    private mutating func drain(_ stream: inout OutputPipe, to log: inout LogSink) {
        var left = stream.descriptor < 0 ? 0 : shim_pending_bytes(stream.descriptor)
        while left > 0, case let count = move(&stream, to: &log), count > 0 { left -= count }
    }

    /// Stores the unfinished line and closes the pipe.
    private mutating func finish(_ stream: inout OutputPipe, to log: inout LogSink) {
        if stream.partialLineSize > 0 {
            let now = shim_realtime()
            linePrefix.set(now, stream: stream.streamName)
            appendLine(stream.partialLine, stream.partialLineSize, isFull: false, to: &log, at: now)
            stream.partialLineSize = 0
            flush(to: &log, at: now)
        }
        stream.close()
    }

    /// Gives the memory of a burst back.
    mutating func releaseBuffers() {
        hasUsedBuffers = false
        shim_release_output_memory()
    }

    private mutating func storeInput(
        _ bytes: UnsafeMutablePointer<CChar>,
        _ count: Int,
        of stream: inout OutputPipe,
        to log: inout LogSink
    ) {
        var from = UnsafePointer(bytes)
        let end = from + count
        var newline = shim_first_newline(from, count)
        if newline == nil, stream.partialLineSize + count <= LineAssembler.maxLineSize {
            shim_copy(stream.partialLine + stream.partialLineSize, from, count)
            stream.partialLineSize += count
            return
        }
        let now = shim_realtime()
        linePrefix.set(now, stream: stream.streamName)
        // What was held goes in front of what was read: there is room for it.
        from -= stream.partialLineSize
        shim_copy(bytes - stream.partialLineSize, stream.partialLine, stream.partialLineSize)
        stream.partialLineSize = 0
        while let last = newline {
            while last - from > LineAssembler.maxLineSize { from = appendPart(from, to: &log, at: now) }
            appendLine(from, last - from, isFull: true, to: &log, at: now)
            from = last + 1
            newline = shim_first_newline(from, end - from)
        }
        while end - from > LineAssembler.maxLineSize { from = appendPart(from, to: &log, at: now) }
        stream.partialLineSize = end - from
        shim_copy(stream.partialLine, from, stream.partialLineSize)
        flush(to: &log, at: now)
    }

    private mutating func appendPart(
        _ from: UnsafePointer<CChar>,
        to log: inout LogSink,
        at now: Int64
    ) -> UnsafePointer<CChar> {
        appendLine(from, LineAssembler.maxLineSize, isFull: false, to: &log, at: now)
        return from + LineAssembler.maxLineSize
    }

    @inline(__always)
    private mutating func appendLine(
        _ line: UnsafePointer<CChar>,
        _ count: Int,
        isFull: Bool,
        to log: inout LogSink,
        at now: Int64
    ) {
        if used + LinePrefix.length + count + 1 > LineAssembler.outputSize { flush(to: &log, at: now) }
        let target = output + used
        linePrefix.copy(to: target, isFull: isFull)
        shim_copy(target + LinePrefix.length, line, count)
        target[LinePrefix.length + count] = 0x0a
        used += LinePrefix.length + count + 1
    }

    private mutating func flush(to log: inout LogSink, at now: Int64) {
        if used > 0 { log.append(output, used, at: now) }
        used = 0
    }
}
