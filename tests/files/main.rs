//! Files in and out: odd and bad inputs, damage, bombs, exports.

mod cancel;
mod damage;
mod labels;
mod mgh;
mod odd;
mod pairing;
mod probe;
