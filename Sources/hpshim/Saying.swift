import CHeroRecord
import CHeroShim

/// What one message of the program changes in what it has said: lines of `NAME=value`, of which unknown ones say nothing.
struct Saying {
    /// What is on record so far, and then with this message.
    private(set) var said: hero_notify_state
    /// Whether somebody must look at once.
    private(set) var isNews = false
    /// The process that it names as its main one; 0: none, negative: no number.
    private(set) var main: Int32 = 0

    /// The longest time between two pings that can be asked for, in µs: a hundred years.
    private static let longestWatch: UInt64 = 3_153_600_000_000_000

    init(_ said: hero_notify_state) {
        self.said = said
    }

    /// Takes in all lines of a message.
    mutating func take(_ bytes: UnsafePointer<CChar>, _ count: Int) {
        said.messages = said.messages == .max ? .max : said.messages + 1
        var from = bytes
        let end = bytes + count
        while from < end {
            let last = shim_first_newline(from, end - from) ?? end
            line(from, last - from)
            from = last == end ? end : last + 1
        }
    }

    private mutating func line(_ text: UnsafePointer<CChar>, _ count: Int) {
        if Saying.begins(text, count, "STATUS=") {
            setStatus(text + 7, count - 7)
        } else if Saying.says(text, count, "WATCHDOG=1") {
            // Pings come again and again: whoever waits for one looks by itself, and only the first of all is news.
            if said.pinged_boottime == 0 { isNews = true }
            said.pinged_boottime = shim_boottime()
        } else if Saying.says(text, count, "READY=1") {
            set((said.flags | HERO_NOTIFY_READY.rawValue) & ~HERO_NOTIFY_RELOADING.rawValue)
        } else if Saying.says(text, count, "RELOADING=1") {
            set(said.flags | HERO_NOTIFY_RELOADING.rawValue)
        } else if Saying.says(text, count, "STOPPING=1") {
            set(said.flags | HERO_NOTIFY_STOPPING.rawValue)
        } else if Saying.says(text, count, "WATCHDOG=trigger") {
            set(said.flags | HERO_NOTIFY_WATCHDOG_TRIGGER.rawValue)
        } else if Saying.begins(text, count, "WATCHDOG_USEC=") {
            let time = Saying.number(text + 14, count - 14)
            guard let time, time > 0, time <= Saying.longestWatch, time != said.watchdog_us else { return }
            said.watchdog_us = time
            isNews = true
        } else if Saying.begins(text, count, "MAINPID=") {
            let pid = Saying.number(text + 8, count - 8)
            main = pid.flatMap { Int32(exactly: $0) } ?? -1
            if main == 0 { main = -1 }
        }
    }

    private mutating func set(_ flags: UInt32) {
        if flags != said.flags { isNews = true }
        said.flags = flags
    }

    private mutating func setStatus(_ text: UnsafePointer<CChar>, _ count: Int) {
        let size = min(count, Int(HERO_STATUS_SIZE))
        said.status_size = UInt32(truncatingIfNeeded: size)
        withUnsafeMutableBytes(of: &said.status) { field in
            guard let field = field.baseAddress else { return }
            shim_copy(field.assumingMemoryBound(to: CChar.self), text, size)
        }
    }

    // MARK: Words

    private static func begins(_ text: UnsafePointer<CChar>, _ count: Int, _ word: StaticString) -> Bool {
        word.withUTF8Buffer { word in
            guard let start = word.baseAddress else { return false }
            return start.withMemoryRebound(to: CChar.self, capacity: word.count) {
                shim_begins(text, count, $0, word.count) != 0
            }
        }
    }

    private static func says(_ text: UnsafePointer<CChar>, _ count: Int, _ word: StaticString) -> Bool {
        count == word.utf8CodeUnitCount && begins(text, count, word)
    }

    /// A decimal number of up to 18 digits; nil where there is none.
    private static func number(_ text: UnsafePointer<CChar>, _ count: Int) -> UInt64? {
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
