import CHeroLinux
import HeroModel

/// The fields of `/proc/PID/stat` that heroproc uses (proc_pid_stat(5)).
struct ProcStat: Hashable {
    /// Field 1.
    var pid: Int32
    /// Field 3: `R`, `S`, `Z` and so on.
    var state: UInt8
    /// Field 4.
    var parent: Int32
    /// Field 6.
    var session: Int32
    /// Field 9: the kernel flags of the process.
    var flags: UInt64
    /// Fields 14 to 17: the processor time in clock ticks, also that of children that it has waited for.
    var cpuTicks: UInt64
    /// Field 20.
    var threadCount: UInt64
    /// Field 22: start time in clock ticks since boot.
    var startTicks: UInt64

    /// Whether this is a thread of the kernel (PF_KTHREAD).
    var isKernelThread: Bool { flags & 0x0020_0000 != 0 }

    /// Whether the process has ended and waits to be reaped.
    ///
    /// A process whose first thread has ended may still have other threads (TR-3).
    var isDead: Bool { (state == UInt8(ascii: "Z") || state == UInt8(ascii: "X")) && threadCount <= 1 }

    /// The start time on the boot clock, to the hundredth of a second.
    var startedAt: Moment {
        Moment(nanoseconds: 0) + .seconds(Int64(clamping: startTicks / 100))
            + .milliseconds(10 * Int64(startTicks % 100))
    }

    /// The processor time, with 100 ticks per second.
    var cpuMicroseconds: Int64 { Int64(clamping: cpuTicks.multipliedReportingOverflow(by: 10_000).partialValue) }

    /// Parses the text of the file.
    ///
    /// The name in field 2 may contain any character, including `)` and line breaks, so the fields are counted from the
    /// last `)` (ID-1).
    init?(_ bytes: [UInt8]) {
        guard let open = bytes.firstIndex(of: UInt8(ascii: "(")), let close = bytes.lastIndex(of: UInt8(ascii: ")")),
            open < close, open > 1, bytes[open &- 1] == UInt8(ascii: " "),
            let pid = Self.parseNumber(bytes[..<(open &- 1)]).flatMap({ Int32(exactly: $0) }), pid > 0
        else { return nil }
        let fields = bytes[(close &+ 1)...].split(separator: UInt8(ascii: " "), maxSplits: 21)
        // The first of these fields is field 3.
        guard fields.count > 19, fields[0].count == 1, let state = fields[0].first,
            let parent = Self.parseNumber(fields[1]).flatMap({ Int32(exactly: $0) }),
            let session = Self.parseNumber(fields[3]).flatMap({ Int32(exactly: $0) }),
            let flags = Self.parseNumber(fields[6]),
            let threads = Self.parseNumber(fields[17]), let startTicks = Self.parseNumber(fields[19])
        else { return nil }
        self.pid = pid
        self.state = state
        self.parent = parent
        self.session = session
        self.flags = flags
        cpuTicks = fields[11...14].compactMap(Self.parseNumber).reduce(0, &+)
        self.threadCount = threads
        self.startTicks = startTicks
    }

    /// Reads the file of a process; returns nil if there is no such process.
    init?(of pid: Int32) {
        guard pid > 0, let bytes = readFile("/proc/\(pid)/stat", limit: 4096) else { return nil }
        self.init(bytes)
        // The kernel shows the start time in the time namespace of this process, with 100 ticks per second on all known
        // machines. Records and other namespaces use the time of the machine.
        startTicks &-= UInt64(bitPattern: hl_boot_clock_offset() / 10_000_000)
    }

    private static func parseNumber(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard (48...57).contains(digit) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carried) = product.addingReportingOverflow(UInt64(digit &- 48))
            guard !overflow, !carried else { return nil }
            value = sum
        }
        return value
    }
}
