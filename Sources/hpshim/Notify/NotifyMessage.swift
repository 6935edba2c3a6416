import CHeroRecord
import CHeroShim

/// Applies one message to the notify state: lines of `NAME=value`; unknown lines are ignored.
struct NotifyMessage {
    /// The state before the message, and then after it.
    private(set) var state: hero_notify_state
    /// Whether the reconciler must be woken at once.
    private(set) var isUrgent = false
    /// The PID that the message names as the main process; 0 when it names none, -1 when the value is not a valid PID.
    private(set) var mainPID: Int32 = 0

    /// The longest watchdog interval that is accepted, in µs: a hundred years.
    private static let maxWatchdogInterval: UInt64 = 3_153_600_000_000_000

    init(_ state: hero_notify_state) {
        self.state = state
    }

    /// Applies all lines of a message.
    mutating func apply(_ bytes: UnsafePointer<CChar>, _ count: Int) {
        state.messages = state.messages == .max ? .max : state.messages + 1
        var from = bytes
        let end = bytes + count
        while from < end {
            let last = shim_first_newline(from, end - from) ?? end
            applyLine(from, last - from)
            from = last == end ? end : last + 1
        }
    }

    private mutating func applyLine(_ text: UnsafePointer<CChar>, _ count: Int) {
        if NotifyMessage.hasPrefix(text, count, "STATUS=") {
            setStatus(text + 7, count - 7)
        } else if NotifyMessage.isEqual(text, count, "WATCHDOG=1") {
            // Only the first ping wakes the reconciler. After that, the reconciler reads the record when a ping is due.
            if state.pinged_boottime == 0 { isUrgent = true }
            state.pinged_boottime = shim_boottime()
        } else if NotifyMessage.isEqual(text, count, "READY=1") {
            setFlags((state.flags | HERO_NOTIFY_READY.rawValue) & ~HERO_NOTIFY_RELOADING.rawValue)
        } else if NotifyMessage.isEqual(text, count, "RELOADING=1") {
            setFlags(state.flags | HERO_NOTIFY_RELOADING.rawValue)
        } else if NotifyMessage.isEqual(text, count, "STOPPING=1") {
            setFlags(state.flags | HERO_NOTIFY_STOPPING.rawValue)
        } else if NotifyMessage.isEqual(text, count, "WATCHDOG=trigger") {
            setFlags(state.flags | HERO_NOTIFY_WATCHDOG_TRIGGER.rawValue)
        } else if NotifyMessage.hasPrefix(text, count, "WATCHDOG_USEC=") {
            let time = NotifyMessage.parseNumber(text + 14, count - 14)
            guard let time, time > 0, time <= NotifyMessage.maxWatchdogInterval, time != state.watchdog_us else {
                return
            }
            state.watchdog_us = time
            isUrgent = true
        } else if NotifyMessage.hasPrefix(text, count, "MAINPID=") {
            let pid = NotifyMessage.parseNumber(text + 8, count - 8)
            mainPID = pid.flatMap { Int32(exactly: $0) } ?? -1
            if mainPID == 0 { mainPID = -1 }
        }
    }

    private mutating func setFlags(_ flags: UInt32) {
        if flags != state.flags { isUrgent = true }
        state.flags = flags
    }

    private mutating func setStatus(_ text: UnsafePointer<CChar>, _ count: Int) {
        let size = min(count, Int(HERO_STATUS_SIZE))
        state.status_size = UInt32(truncatingIfNeeded: size)
        withUnsafeMutableBytes(of: &state.status) { field in
            guard let field = field.baseAddress else { return }
            shim_copy(field.assumingMemoryBound(to: CChar.self), text, size)
        }
    }

    // MARK: Parsing

    private static func hasPrefix(_ text: UnsafePointer<CChar>, _ count: Int, _ prefix: StaticString) -> Bool {
        prefix.withUTF8Buffer { prefix in
            guard let start = prefix.baseAddress else { return false }
            return start.withMemoryRebound(to: CChar.self, capacity: prefix.count) {
                shim_has_prefix(text, count, $0, prefix.count) != 0
            }
        }
    }

    private static func isEqual(_ text: UnsafePointer<CChar>, _ count: Int, _ prefix: StaticString) -> Bool {
        count == prefix.utf8CodeUnitCount && hasPrefix(text, count, prefix)
    }

    /// A decimal number of up to 18 digits; nil for any other text.
    private static func parseNumber(_ text: UnsafePointer<CChar>, _ count: Int) -> UInt64? {
        guard count >= 1, count <= 18 else { return nil }
        var value: UInt64 = 0
        for index in 0..<count {
            let digit = text[index]
            guard digit >= 0x30, digit <= 0x39 else { return nil }
            value = value &* 10 &+ UInt64(truncatingIfNeeded: digit - 0x30)
        }
        return value
    }
}
