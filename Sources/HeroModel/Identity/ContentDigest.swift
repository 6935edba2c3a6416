/// A short digest of a text: FNV-1a with 128 bits, as 32 hexadecimal digits.
///
/// The algorithm never changes, because digests are stored. It is not cryptographic: callers that must be certain
/// compare the bytes of two texts with equal digests.
@inlinable
public func contentDigest(_ bytes: some Sequence<UInt8>) -> String {
    var hash: UInt128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d
    for byte in bytes {
        hash ^= UInt128(byte)
        hash &*= 0x0000_0000_0100_0000_0000_0000_0000_013b
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: max(0, 32 - digits.count)) + digits
}

/// A digest for file names: FNV-1a with 64 bits, as 16 hexadecimal digits.
///
/// It is the same on all machines and in all versions, because directories carry it as their name.
public func shortDigest(_ bytes: some Sequence<UInt8>) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes {
        hash ^= UInt64(byte)
        hash &*= 0x100_0000_01b3
    }
    let digits = String(hash, radix: 16)
    return String(repeating: "0", count: max(0, 16 - digits.count)) + digits
}
