import CHeroRecord
import CHeroShim

@main
struct Shim {
    static func main() {}
}
