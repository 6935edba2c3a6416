import CHeroShim

/// A period in which the log could not be written: its start, its reason and the number of dropped bytes.
struct LogOutage {
    private static let retryInterval: Int64 = 2_000_000_000

    /// The errno that started the outage; 0 when there is none.
    private(set) var error: Int32 = 0
    private var startedAt: Int64 = 0
    private(set) var retryTime: Int64 = 0
    var droppedBytes: Int64 = 0

    mutating func begin(error: Int32) {
        let now = shim_boottime()
        self.error = error
        startedAt = now
        droppedBytes = 0
        postpone(from: now)
    }

    mutating func postpone(from now: Int64) {
        retryTime = now &+ LogOutage.retryInterval
    }

    mutating func end() {
        error = 0
        droppedBytes = 0
    }

    /// The drop marker `<prefix>[heroproc: dropped N bytes, ENOSPC, 12.4 s]` and a newline, in static memory.
    ///
    /// `now` (CLOCK_BOOTTIME) and `time` (CLOCK_REALTIME) are the end of the outage, in ns.
    func markerLine(until now: Int64, at time: Int64) -> (line: UnsafePointer<CChar>, length: Int) {
        let text = shim_scratch(1)
        var prefix = LinePrefix(at: text)
        prefix.set(time, stream: "stderr")
        var end = LinePrefix.length
        write("[heroproc: dropped ", to: text, &end)
        write(droppedBytes, to: text, &end)
        write(" bytes, ", to: text, &end)
        if let name = shim_error_name(error) {
            shim_copy(text + end, name, shim_length(name))
            end += shim_length(name)
        } else {
            write("errno ", to: text, &end)
            write(Int64(error), to: text, &end)
        }
        write(", ", to: text, &end)
        let tenths = max(0, now &- startedAt) / 100_000_000
        write(tenths / 10, to: text, &end)
        write(".", to: text, &end)
        write(tenths % 10, to: text, &end)
        write(" s]\n", to: text, &end)
        return (UnsafePointer(text), end)
    }

    private func write(_ part: StaticString, to text: UnsafeMutablePointer<CChar>, _ end: inout Int) {
        part.withUTF8Buffer { source in
            for byte in source {
                text[end] = CChar(truncatingIfNeeded: byte)
                end += 1
            }
        }
    }

    private func write(_ number: Int64, to text: UnsafeMutablePointer<CChar>, _ end: inout Int) {
        var divisor: Int64 = 1
        while number / divisor >= 10 { divisor &*= 10 }
        while divisor > 0 {
            text[end] = CChar(truncatingIfNeeded: 0x30 + number / divisor % 10)
            end += 1
            divisor /= 10
        }
    }
}
