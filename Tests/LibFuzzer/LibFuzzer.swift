// The door of libFuzzer (`make fuzz`): it looks for texts that reach code no text has reached yet.
//
// Not a target of the package: libFuzzer brings its own `main`, and every module must be compiled for it.

internal import HeroFuzz

/// Judges one text; a broken promise ends the program, so that libFuzzer keeps the text.
@_cdecl("LLVMFuzzerTestOneInput")
public func judge(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
    let broken = Fuzzer.broken(byAny: Array(UnsafeBufferPointer(start: data, count: size)))
    if !broken.isEmpty { fatalError(broken.joined(separator: "\n")) }
    return 0
}
