/// Maps names of the source to valid and unique names of manifests.
struct NameMapper {
    private var used: Set<String> = []
    private var numbers: [String: Int] = [:]

    /// Returns a valid name that no other service has.
    mutating func unique(_ source: String) -> String {
        let base = Self.valid(source)
        if used.insert(base).inserted { return base }
        var number = numbers[base] ?? 2
        while true {
            let suffix = "-\(number)"
            let name = String(base.prefix(63 - suffix.utf8.count)) + suffix
            number += 1
            if used.insert(name).inserted {
                numbers[base] = number
                return name
            }
        }
    }

    /// Returns a name of `a` to `z`, `0` to `9`, `_` and `-` that begins with a letter or a digit.
    static func valid(_ source: String) -> String {
        var result: [UInt8] = []
        for byte in source.utf8 {
            switch byte {
            case 97...122, 48...57, UInt8(ascii: "_"): result.append(byte)
            case 65...90: result.append(byte + 32)
            default: if result.last != UInt8(ascii: "-") { result.append(UInt8(ascii: "-")) }
            }
        }
        let start = result.firstIndex { $0 != UInt8(ascii: "-") && $0 != UInt8(ascii: "_") } ?? result.endIndex
        var name = Array(result[start...].prefix(63))
        while name.last == UInt8(ascii: "-") { name.removeLast() }
        return name.isEmpty ? "service" : String(decoding: name, as: UTF8.self)
    }
}
