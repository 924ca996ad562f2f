(* Workloads of heap_bench in OCaml: peer WORKLOAD [SIZE]. Prints the same last line; of pauses OCaml
   tells nothing. *)

type tree = Nil | Tree of tree * tree

let rec make depth =
  if depth = 0 then Tree (Nil, Nil)
  else
    let left = make (depth - 1) in
    Tree (left, make (depth - 1))

let rec count = function
  | Nil -> 0
  | Tree (Nil, _) -> 1
  | Tree (left, right) -> 1 + count left + count right

let bintrees depth =
  let check = ref (count (make (depth + 1))) in
  let kept = make depth in
  let d = ref 4 in
  while !d <= depth do
    for _ = 1 to 1 lsl (depth - !d + 4) do
      check := !check + count (make !d)
    done;
    d := !d + 4
  done;
  check := !check + count kept;
  (!check, !check)

type node = {
  mutable left : node option;
  mutable right : node option;
  first : int;
  second : int;
}

let leaf () = { left = None; right = None; first = 0; second = 0 }

let rec populate node depth =
  if depth > 0 then begin
    let left = leaf () and right = leaf () in
    node.left <- Some left;
    node.right <- Some right;
    populate left (depth - 1);
    populate right (depth - 1)
  end

let down depth =
  let root = leaf () in
  populate root depth;
  root

let rec up depth =
  if depth <= 0 then leaf ()
  else
    let left = up (depth - 1) in
    let right = up (depth - 1) in
    { left = Some left; right = Some right; first = 0; second = 0 }

let nodes_of depth = (2 lsl depth) - 1

let gcbench stretch =
  let lasting = stretch - 2 in
  let ops = ref (nodes_of lasting + 1) and check = ref 0 in
  let round build depth =
    if (build depth).left <> None then incr check;
    ops := !ops + nodes_of depth
  in
  round up stretch;
  let kept = down lasting in
  let numbers = Array.init 500000 (fun i -> 1. /. float_of_int (i + 1)) in
  let depth = ref 4 in
  while !depth <= lasting do
    for _ = 1 to 2 * nodes_of stretch / nodes_of !depth do
      round down !depth;
      round up !depth
    done;
    depth := !depth + 2
  done;
  if kept.left <> None then incr check;
  if numbers.(250000) <> 1. /. 250001. then failwith "the array has changed";
  (!ops, !check)

type record = {
  time : int;
  pid : int;
  cpu : int;
  rss : int;
  mutable label : bytes option;
}

let ring size =
  let live = 1000000 in
  let slots = Array.make live None in
  let check = ref 0 in
  for i = 0 to size - 1 do
    let record =
      { time = i; pid = i land 32767; cpu = i mod 997; rss = i * 4096; label = None }
    in
    if i land 3 = 0 then begin
      let label = Bytes.make 22 'p' in
      Bytes.set label 15 (Char.chr (97 + (i mod 26)));
      record.label <- Some label
    end;
    (match slots.(i mod live) with
    | None -> ()
    | Some oldest -> (
        check := !check + oldest.time;
        match oldest.label with
        | None -> ()
        | Some label -> check := !check + Char.code (Bytes.get label 15)));
    slots.(i mod live) <- Some record
  done;
  (size, !check)

let workloads =
  [ ("bintrees", bintrees, 18); ("gcbench", gcbench, 18); ("ring", ring, 5000000) ]

let () =
  let name = Sys.argv.(1) in
  let _, run, usual = List.find (fun (known, _, _) -> known = name) workloads in
  let size = if Array.length Sys.argv > 2 then int_of_string Sys.argv.(2) else usual in
  ignore (run size);
  let before = Sys.time () in
  let ops, check = run size in
  Printf.printf
    "{\"workload\":\"%s\", \"allocator\":\"ocaml\", \"ops\":%d, \"check\":%d, \"cpu_s\":%.4f, \
     \"max_pause_ms\":0, \"p99_pause_ms\":0, \"rss_kib\":0}\n"
    name ops check (Sys.time () -. before)
