import CHeroShim

/// Splits the output of the service into log lines, each with a prefix, in order and with unchanged bytes.
///
/// Each turn takes one read, one clock reading and one write. A line longer than `SHIM_MAX_LINE_SIZE` is stored in
/// parts with the tag `P`. An unfinished line is kept until its end arrives or the stream ends, so a program that
/// writes byte by byte still gets whole lines.
struct LineAssembler {
    private static let maxLineSize = Int(SHIM_MAX_LINE_SIZE)
    private static let inputSize = Int(SHIM_INPUT_SIZE)
    private static let outputSize = Int(SHIM_OUTPUT_SIZE)
    /// The default capacity of a pipe.
    ///
    /// A read of this size shows that the service writes faster than the shim reads.
    private static let defaultPipeSize = 65536

    private let input = shim_input()
    private let output = shim_output()
    private var used = 0
    private var linePrefix = LinePrefix(at: shim_allocate_static(LinePrefix.length))
    /// Whether the static buffers have been used since they were released last.
    private(set) var hasUsedBuffers = false

    /// Moves the data that is in the pipe, at most one buffer, to the log.
    ///
    /// At the end of the stream the pipe is closed and its unfinished line is stored.
    ///
    /// - Returns: The number of bytes.
    mutating func move(_ stream: inout OutputPipe, to sink: inout LogSink) -> Int {
        guard stream.descriptor >= 0 else { return 0 }
        let count = shim_read(stream.descriptor, input, LineAssembler.inputSize)
        if count == -Int(SHIM_EAGAIN) || count == -Int(SHIM_EINTR) { return 0 }
        guard count > 0 else {
            finish(&stream, to: &sink)
            return 0
        }
        if count >= LineAssembler.defaultPipeSize, !stream.isWidened {
            // Not earlier: a larger pipe uses kernel memory, and most jobs write little.
            shim_widen_pipe(stream.descriptor)
            stream.isWidened = true
        }
        hasUsedBuffers = true
        storeInput(input, count, of: &stream, to: &sink)
        return count
    }

    /// Moves all data that is in the pipes now, however long the log takes, and writes a drop marker for missing lines.
    ///
    /// It does not wait for the end of the pipes, because another process may hold them open and write to them without
    /// end (SH-11).
    mutating func finish(_ output: inout OutputPipe, _ error: inout OutputPipe, to sink: inout LogSink) {
        drain(&output, to: &sink)
        drain(&error, to: &sink)
        finish(&output, to: &sink)
        finish(&error, to: &sink)
        sink.finish()
    }

    /// Appends a message of the shim, of at most `SHIM_MAX_LINE_SIZE` bytes, to the lines of standard error.
    mutating func appendMessage(_ text: StaticString, to sink: inout LogSink) {
        let now = shim_realtime()
        linePrefix.set(now, stream: "stderr")
        text.withUTF8Buffer { source in
            for index in 0..<source.count { input[index] = CChar(truncatingIfNeeded: source[index]) }
        }
        appendLine(input, text.utf8CodeUnitCount, isFull: true, to: &sink, at: now)
        flush(to: &sink, at: now)
    }

    private mutating func drain(_ stream: inout OutputPipe, to sink: inout LogSink) {
        var left = stream.descriptor < 0 ? 0 : shim_pending_bytes(stream.descriptor)
        while left > 0, case let count = move(&stream, to: &sink), count > 0 { left -= count }
    }

    /// Stores the unfinished line and closes the pipe.
    private mutating func finish(_ stream: inout OutputPipe, to sink: inout LogSink) {
        if stream.partialLineSize > 0 {
            let now = shim_realtime()
            linePrefix.set(now, stream: stream.streamName)
            appendLine(stream.partialLine, stream.partialLineSize, isFull: false, to: &sink, at: now)
            stream.partialLineSize = 0
            flush(to: &sink, at: now)
        }
        stream.close()
    }

    /// Releases the static buffers after a burst of output.
    mutating func releaseBuffers() {
        hasUsedBuffers = false
        shim_release_output_memory()
    }

    private mutating func storeInput(
        _ bytes: UnsafeMutablePointer<CChar>,
        _ count: Int,
        of stream: inout OutputPipe,
        to sink: inout LogSink
    ) {
        var start = UnsafePointer(bytes)
        let end = start + count
        var newline = shim_first_newline(start, count)
        if newline == nil, stream.partialLineSize + count <= LineAssembler.maxLineSize {
            shim_copy(stream.partialLine + stream.partialLineSize, start, count)
            stream.partialLineSize += count
            return
        }
        let now = shim_realtime()
        linePrefix.set(now, stream: stream.streamName)
        // The unfinished line is copied in front of the new data: the buffer has room for it.
        start -= stream.partialLineSize
        shim_copy(bytes - stream.partialLineSize, stream.partialLine, stream.partialLineSize)
        stream.partialLineSize = 0
        while let lineEnd = newline {
            while lineEnd - start > LineAssembler.maxLineSize { start = appendPart(start, to: &sink, at: now) }
            appendLine(start, lineEnd - start, isFull: true, to: &sink, at: now)
            start = lineEnd + 1
            newline = shim_first_newline(start, end - start)
        }
        while end - start > LineAssembler.maxLineSize { start = appendPart(start, to: &sink, at: now) }
        stream.partialLineSize = end - start
        shim_copy(stream.partialLine, start, stream.partialLineSize)
        flush(to: &sink, at: now)
    }

    private mutating func appendPart(
        _ start: UnsafePointer<CChar>,
        to sink: inout LogSink,
        at now: Int64
    ) -> UnsafePointer<CChar> {
        appendLine(start, LineAssembler.maxLineSize, isFull: false, to: &sink, at: now)
        return start + LineAssembler.maxLineSize
    }

    @inline(__always)
    private mutating func appendLine(
        _ line: UnsafePointer<CChar>,
        _ count: Int,
        isFull: Bool,
        to sink: inout LogSink,
        at now: Int64
    ) {
        if used + LinePrefix.length + count + 1 > LineAssembler.outputSize { flush(to: &sink, at: now) }
        let target = output + used
        linePrefix.copy(to: target, isFull: isFull)
        shim_copy(target + LinePrefix.length, line, count)
        target[LinePrefix.length + count] = 0x0a
        used += LinePrefix.length + count + 1
    }

    private mutating func flush(to sink: inout LogSink, at now: Int64) {
        if used > 0 { sink.append(output, used, at: now) }
        used = 0
    }
}
