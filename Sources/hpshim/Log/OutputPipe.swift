import CHeroShim

/// One of the two output pipes of the service, and the beginning of an unfinished line.
struct OutputPipe {
    private(set) var descriptor: Int32
    let streamName: StaticString
    let partialLine: UnsafeMutablePointer<CChar>
    var partialLineSize = 0
    /// Whether the shim has tried to enlarge the pipe.
    var isWidened = false

    init(_ descriptor: Int32, streamName: StaticString, partialLine: UnsafeMutablePointer<CChar>) {
        self.descriptor = descriptor
        self.streamName = streamName
        self.partialLine = partialLine
    }

    /// Closes the pipe.
    mutating func close() {
        shim_close(descriptor)
        descriptor = -1
    }
}
